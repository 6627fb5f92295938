/** The page of a bandit: its share, its moves, and no step to skip. */
import { openBrowser, type TestBrowser } from '../../support/process/browser';
import { startLocalProduct, type LocalProduct } from '../../support/process/product';
import { startTraffic } from '../../support/rollout/traffic';
import { openTrials } from '../../support/rollout/trials';
import { lenientGates, writeTinyLifecycle } from '../../support/tiny-lifecycle';
import { keepPicture, measureOverflow, signIn, waitForCount } from './support/person';

jest.setTimeout(300_000);

let product: LocalProduct;
let browser: TestBrowser;
const opened: { close: () => Promise<unknown> }[] = [];

beforeAll(async () => {
  product = await startLocalProduct();
  opened.push({ close: () => product.stop() });
  browser = await openBrowser(product.apiUrl);
  opened.push(browser);
});
afterAll(async () => {
  for (const each of opened.reverse()) await each.close();
});

test('a bandit shows its share and its moves, and offers no step to skip', async () => {
  const trials = openTrials(product);
  const name = 'moving';
  const canary =
    '{ method: bandit, quality: { metric: logloss, margin: 0.3, largeHarm: 5 }, ' +
    'test: { alpha: 0.2, minSamples: 100, minDuration: 30d }, maxDuration: 60d }';
  const apply = (evaluate: string, learnable: boolean) =>
    product.apply(writeTinyLifecycle(product.workDir, { name, learnable, evaluate, canary }));
  // The champion is trained on random labels, so the challenger is better.
  await apply(
    '{ metrics: [auc], gates: [{ name: any, kind: threshold, metric: auc, min: 0.1 }] }',
    false,
  );
  await product.waitForEnd((await product.start(name)).body.id);
  await apply(lenientGates, true);
  const run = await trials.open(name, 0.5);
  await trials.until(name, ({ weight }) => weight === 0.05);
  const traffic = startTraffic(product, name, { from: '2024-05-01T00:00:00Z' });
  opened.push({ close: () => traffic.stop() });

  const { page, problems, accessibility } = await signIn(browser, product.apiKey);
  await page.goto(`/models/${name}/rollout`);
  await page
    .getByText('The challenger answers 5 % of the entities now. This share moves daily')
    .waitFor();
  await waitForCount(page.getByRole('button', { name: 'Hold' }), 1);
  expect(await page.getByRole('button', { name: /^Skip/ }).count()).toBe(0);
  await page.getByText(/given up: entities change version; shares are not tested/).waitFor();

  await trials.until(name, ({ weight }) => weight > 0.9, 180);
  const table = page.getByRole('region', { name: "Moves of the challenger's share" });
  await table.getByText('5 %', { exact: true }).waitFor();
  await page.getByText(/given up: \d+ % of entities changed version in \d+ move/).waitFor();
  const { weight, shares } = (await trials.readRollout(name)) ?? {};
  expect(shares?.items.at(-1)?.to).toBe(weight);
  await page
    .getByText(`The challenger answers ${Math.round(100 * (weight ?? NaN))} % of the entities now.`)
    .waitFor();
  expect(await measureOverflow(page)).toBe(0);
  expect(await accessibility()).toEqual([]);
  await keepPicture(page, 'bandit');
  await product.cli(['rollout', 'abort', name, '--reason', 'seen enough']);
  await product.waitForEnd(run.id);
  expect(problems).toEqual([]);
});
