/** The pages on a real run of the sample bike-demand, a regression with a contract and a schedule. */
import { join, resolve } from 'node:path';
import { openBrowser, type TestBrowser } from '../../support/process/browser';
import { startLocalProduct, type LocalProduct } from '../../support/process/product';
import { confirm, signIn } from './support/person';

jest.setTimeout(600_000);

const sample = 'bike-demand';
let product: LocalProduct;
let browser: TestBrowser;
let run: string;
const opened: { close: () => Promise<unknown> }[] = [];

beforeAll(async () => {
  product = await startLocalProduct();
  opened.push({ close: () => product.stop() });
  browser = await openBrowser(product.apiUrl);
  opened.push(browser);
  await product.apply(join(resolve(__dirname, '..', '..', '..'), 'samples', sample));
  const { body } = await product.start(sample);
  run = body.id;
  const ended = await product.waitForEnd(run, 480);
  if (ended.status !== 'succeeded') throw new Error(JSON.stringify(ended));
});
afterAll(async () => {
  for (const each of opened.reverse()) await each.close();
});

test('Home shows the error of the champion with its interval, and the run its cost and its log', async () => {
  const { page, problems } = await signIn(browser, product.apiKey);
  const row = page.getByRole('row').filter({ hasText: sample });
  await row.getByText(/^mae/).waitFor();
  expect(await row.innerText()).toMatch(/mae [\d.]+\s[\d.]+ … [\d.]+/);
  await page.goto(`/runs/${run}`);
  await page.getByRole('tab', { name: 'Cost' }).click();
  await page
    .getByText(/CPU-hours/)
    .first()
    .waitFor();
  await page.getByRole('tab', { name: 'Logs' }).click();
  await page.getByLabel('Output of the jobs').getByText(/\w/).first().waitFor();
  expect(problems).toEqual([]);
});

test('Data shows the contract over time, and the way from the source to the endpoint', async () => {
  const { page, problems, accessibility } = await signIn(browser, product.apiKey);
  const { body } = await product.call<{ items: readonly { name: string }[] }>('GET', '/datasets');
  const dataset = body.items.map(({ name }) => name).find((name) => !name.includes('rows')) ?? '';
  await page.goto('/data');
  await page.getByRole('link', { name: dataset, exact: true }).click();
  await page.getByRole('tab', { name: 'Contract and quarantine' }).click();
  const results = page.getByRole('region', { name: 'Results of the contract, newest run first' });
  await results.getByText('passed').first().waitFor();
  expect(await accessibility()).toEqual([]);
  await page.getByRole('tab', { name: 'Lineage' }).click();
  await page
    .getByRole('link', { name: `deployment ${sample}`, exact: false })
    .first()
    .waitFor();
  expect(problems).toEqual([]);
});

test('a schedule is paused and resumed, and its next starts leave the calendar and come back', async () => {
  const { page, problems, accessibility } = await signIn(browser, product.apiKey);
  await page.goto('/operations');
  await page.getByRole('tab', { name: 'Schedules' }).click();
  const schedules = page.getByRole('region', { name: 'Schedules' });
  await schedules.getByRole('link', { name: sample }).waitFor();
  const starts = page.locator('.calendar li.card');
  await starts.first().waitFor();
  await confirm(page, 'Pause', 'the city rebuilds its stations');
  await schedules.getByText('paused', { exact: true }).waitFor();
  expect(await starts.count()).toBe(0);
  await confirm(page, 'Resume', 'the stations are back');
  await schedules.getByText('active', { exact: true }).waitFor();
  expect(await starts.count()).toBeGreaterThan(0);
  expect(await accessibility()).toEqual([]);
  expect(problems).toEqual([]);
});
