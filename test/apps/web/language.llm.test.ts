/** The language pages on a real run of an application with an index, answered by a real model. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { quarters, buildQuestion, writeQuarters } from '../../support/language/quarters';
import { openBrowser, type TestBrowser } from '../../support/process/browser';
import { startLocalProduct, type LocalProduct } from '../../support/process/product';
import { signIn, waitForCount } from './support/person';

// The work of several models, on a machine that may be busy.
jest.setTimeout(900_000);

const { model, cases } = quarters;
let product: LocalProduct;
let browser: TestBrowser;
let run: string;
let folder: string;
const opened: { close: () => Promise<unknown> }[] = [];

beforeAll(async () => {
  product = await startLocalProduct({
    env: {
      PERENNIAL_LLM_SERVER: 'true',
      PERENNIAL_LLM_PORT: '0',
      PERENNIAL_LLM_CONTEXT_TOKENS: '1024',
    },
  });
  opened.push({ close: () => product.stop() });
  browser = await openBrowser(product.apiUrl);
  opened.push(browser);
  folder = writeQuarters(product.workDir);
  await product.apply(folder);
  const { body } = await product.start(model);
  run = body.id;
  const ended = await product.waitForEnd(run, 800);
  if (ended.status !== 'succeeded') throw new Error(JSON.stringify(ended));
});
afterAll(async () => {
  for (const each of opened.reverse()) await each.close();
});

test('Language shows the prompt, the index, and what the run spent', async () => {
  const { page, problems, accessibility } = await signIn(browser, product.apiKey);
  await page.goto('/language');
  const row = (caption: string, text: string) =>
    page.getByRole('region', { name: caption }).getByRole('row').filter({ hasText: text });
  await row('Prompts', 'found').waitFor();
  expect(await row('Indexes', 'quarters').innerText()).toMatch(/quarters\s+@1\s+1\s+0/);
  await row('Spend by provider', 'smollm2-135m-instruct').waitFor();
  // The page has the sums of the ledger of calls.
  const { body } = await product.call<{
    items: readonly { key: string; requests: number; promptTokens: number }[];
  }>('GET', '/llm-costs?by=scope');
  const spent = body.items.find(({ key }) => key === `run/${run}`);
  expect(spent?.requests).toBeGreaterThanOrEqual(cases);
  const shown = await row('Spend by scope', run).innerText();
  expect(shown).toContain(new Intl.NumberFormat('en').format(spent?.promptTokens ?? 0));
  expect(await accessibility()).toEqual([]);
  expect(problems).toEqual([]);
});

test('two versions of a prompt are shown beside each other', async () => {
  const document = readFileSync(join(folder, 'prompts', 'found.yaml'), 'utf8').replace(
    'Answer in one word',
    'Answer in one short word',
  );
  const written = await product.call('PUT', '/prompts/found', {
    body: { document, fileName: 'found.yaml', branch: 'short', reason: 'shorter answers' },
  });
  expect(written.status).toBe(200);
  const { page, problems, accessibility } = await signIn(browser, product.apiKey);
  await page.goto('/language');
  await page.getByRole('link', { name: 'found', exact: true }).click();
  await page.getByText('shorter answers').waitFor();
  await page.locator('pre.diff .added').getByText('one short word', { exact: false }).waitFor();
  expect(await page.locator('pre.diff .removed').innerText()).toContain('Answer in one word');
  await page.getByLabel('Later').selectOption('1');
  await page.getByText('Both have the same text.').waitFor();
  expect(await accessibility()).toEqual([]);
  expect(problems).toEqual([]);
});

test('the run shows each case with its scores, its answer and the passages that were found', async () => {
  const { page, problems, accessibility } = await signIn(browser, product.apiKey);
  await page.goto(`/runs/${run}`);
  await page.getByRole('tab', { name: 'Answers' }).click();
  const matrix = page.getByRole('region', { name: 'Cases by candidates' });
  await matrix.waitFor();
  await waitForCount(matrix.locator('tbody tr'), cases);
  const name = page.locator('td:first-child > bdi').filter({ hasText: /^q3$/ });
  const first = matrix.getByRole('row').filter({ has: name });
  await first.getByText('Question', { exact: true }).click();
  await first.getByText(buildQuestion(3).question).waitFor();
  await first.getByText('Transcript').first().click();
  await first.getByText(/^Passages of .*q3/).waitFor();
  await first
    .getByText(/^found \d/)
    .first()
    .waitFor();
  expect(await accessibility()).toEqual([]);
  expect(problems).toEqual([]);
});

test('a chat is answered with its passages, and a new one begins after the answer', async () => {
  const { page, problems, accessibility } = await signIn(browser, product.apiKey);
  await page.goto(`/models/${model}/try`);
  const ask = async (question: string): Promise<void> => {
    await page.getByLabel('Question').fill(question);
    await page.getByRole('button', { name: 'Ask', exact: true }).click();
  };
  const answers = page.locator('ol.chat .answer');
  await ask(buildQuestion(3).question);
  await answers.first().waitFor({ timeout: 120_000 });
  expect(await answers.first().innerText()).not.toBe('');
  await page.getByText(/2 passages of quarters@1, \d cited/).click();
  const passages = page.locator('ol.passages li');
  await waitForCount(passages, 2);
  await passages
    .getByText(`all doors there are ${buildQuestion(3).colour}`, { exact: false })
    .waitFor();
  const id = /pred_\w+/.exec(await page.locator('ol.chat').innerText())?.[0] ?? '';

  // A conversation that is thrown away would come back with the answer that is awaited.
  const another = page.getByRole('button', { name: 'New conversation' });
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route('**/api/v1/models/*/chat', async (route) => {
    await held;
    await route.continue();
  });
  await ask(buildQuestion(5).question);
  await page.getByText('Waiting for the answer …').waitFor();
  expect(await another.isDisabled()).toBe(true);
  release();
  await answers.nth(1).waitFor({ timeout: 120_000 });
  expect(await accessibility()).toEqual([]);
  await another.click();
  await waitForCount(answers, 0);

  const logged = await product.call<{ model: string; version: number }>(
    'GET',
    `/predictions/${id}`,
  );
  expect(logged.body).toMatchObject({ model, version: 1 });
  expect(problems).toEqual([]);
});
