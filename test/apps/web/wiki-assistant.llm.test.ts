/**
 * The pages on a real run of the sample wiki-assistant, on 1,000 of its summaries as with
 * `npm run demo:llm -- --quick`.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readDocuments } from '../../../apps/cli/demo-llm/documents';
import { readLifecycleFolder } from '../../../apps/cli/lifecycle/folder';
import { shortened, wikiAssistantDemo } from '../../../samples/wiki-assistant/demo';
import { openBrowser, type TestBrowser } from '../../support/process/browser';
import { startLocalProduct, type LocalProduct } from '../../support/process/product';
import { signIn, waitForCount } from './support/person';

// The work of several models, on a machine that may be busy.
jest.setTimeout(1_800_000);

const { lifecycle: model, index, quickDocuments, ask } = wikiAssistantDemo;
const folder = join(resolve(__dirname, '..', '..', '..'), 'samples', model);
let product: LocalProduct;
let browser: TestBrowser;
let run: string;
const opened: { close: () => Promise<unknown> }[] = [];

beforeAll(async () => {
  product = await startLocalProduct({
    env: { PERENNIAL_LLM_SERVER: 'true', PERENNIAL_LLM_PORT: '0' },
  });
  opened.push({ close: () => product.stop() });
  browser = await openBrowser(product.apiUrl);
  opened.push(browser);
  const summaries = join(product.workDir, 'summaries.parquet');
  await readDocuments(quickDocuments, summaries);
  const applied = await product.call('PUT', `/lifecycles/${model}`, {
    body: shortened(readLifecycleFolder(folder, '.'), summaries),
  });
  if (applied.status !== 200) throw new Error(JSON.stringify(applied.body));
  run = (await product.start(model)).body.id;
  const ended = await product.waitForEnd(run, 1_500);
  if (ended.status !== 'succeeded') throw new Error(JSON.stringify(ended));
});
afterAll(async () => {
  for (const each of opened.reverse()) await each.close();
});

test('a question is answered with the passages that it cites, and a card number is taken out', async () => {
  const { page, problems, accessibility } = await signIn(browser, product.apiKey);
  await page.goto(`/models/${model}/try`);
  const answers = page.locator('ol.chat .answer');
  const send = async (question: string, count: number): Promise<void> => {
    await page.getByLabel('Question').fill(question);
    await page.getByRole('button', { name: 'Ask', exact: true }).click();
    await answers.nth(count - 1).waitFor({ timeout: 120_000 });
  };
  await send(ask, 1);
  await page.getByText(new RegExp(`2 passages of ${index}@1, \\d cited`)).click();
  const passages = page.locator('ol.passages li');
  await waitForCount(passages, 2);
  await passages.getByText('Mongolia').first().waitFor();
  await send('My card is 4111 1111 1111 1111. What is the capital of Japan?', 2);
  expect(await accessibility()).toEqual([]);

  await page.goto('/language');
  await page.getByLabel('Verdict').selectOption('redacted');
  const verdicts = page.getByRole('region', { name: 'Safety verdicts, newest first' });
  await verdicts.getByText(`${model}@1`).waitFor({ timeout: 90_000 });
  await verdicts
    .getByRole('button', { name: /^pred_/ })
    .first()
    .click();
  const findings = page.getByRole('region', { name: /^Findings of pred_/ });
  await findings.getByText('personal-data, redact: creditCard 1').waitFor();
  expect(await findings.innerText()).not.toContain('4111');
  expect(await accessibility()).toEqual([]);
  expect(problems).toEqual([]);
});

test('Language shows both prompts, the index, the spend, and the differences of two versions', async () => {
  const { page, problems, accessibility } = await signIn(browser, product.apiKey);
  await page.goto('/language');
  const row = (caption: string, text: string) =>
    page
      .getByRole('region', { name: caption, exact: true })
      .getByRole('row')
      .filter({ hasText: text });
  await row('Prompts', 'passages').waitFor();
  await row('Indexes', index).waitFor();
  await row('Spend by provider', 'smollm2-135m-instruct').waitFor();
  await row('Spend by scope', run).waitFor();
  expect(await accessibility()).toEqual([]);
  const name = await row('Prompts', 'cited').getByRole('link').innerText();
  const document = readFileSync(join(folder, 'prompts', 'cited.yaml'), 'utf8').replace(
    'Answer in a few words',
    'Answer in one word',
  );
  const written = await product.call('PUT', `/prompts/${name}`, {
    body: { document, fileName: 'cited.yaml', branch: 'short', reason: 'shorter answers' },
  });
  expect(written.status).toBe(200);
  await page.getByRole('link', { name, exact: true }).click();
  await page.locator('pre.diff .added').getByText('Answer in one word', { exact: false }).waitFor();
  expect(await page.locator('pre.diff .removed').innerText()).toContain('Answer in a few words');
  expect(await accessibility()).toEqual([]);
  expect(problems).toEqual([]);
});

test('a prompt search shows its variants by quality and latency, and the winner', async () => {
  const read = (path: string): string => readFileSync(join(folder, path), 'utf8');
  const prompt = 'wiki-assistant-plain';
  const written = await product.call('PUT', `/prompts/${prompt}`, {
    body: { document: read('prompts/plain.yaml'), fileName: 'plain.yaml', reason: 'to search' },
  });
  expect(written.status).toBe(200);
  const find = 'Answer the question in a few words.';
  const options = ['Answer in one word.', 'Answer in a long sentence.'];
  const proposers = [{ kind: 'grid', axes: [{ find, options: [find, ...options] }] }];
  const started = await product.call<{ id: string }>('POST', `/prompts/${prompt}/searches`, {
    body: {
      search: { quality: 'answer', proposers, variants: 3, halving: { firstCases: 4 } },
      dimensions: [{ name: 'answer', kind: 'f1' }],
      model: { name: 'smollm2-135m-instruct' },
      sampling: { temperature: 0, maxTokens: 16 },
      cases: read('cases.ndjson').split('\n').slice(0, 20).join('\n'),
    },
  });
  expect(started).toMatchObject({ status: 202 });
  const { page, problems, accessibility } = await signIn(browser, product.apiKey);
  // The page follows the search.
  await page.goto(`/language/prompts/${prompt}`);
  await page.getByText('Gain on held-out cases (95 %)').waitFor({ timeout: 600_000 });
  const label = /^Variants that no other one beats/;
  await page.getByRole('img', { name: label }).waitFor();
  const variants = page.getByRole('region', { name: label });
  await variants.locator('tbody tr').first().waitFor();
  await page.getByText(/(is better than the first|no variant was shown to be better)$/).waitFor();
  expect(await accessibility()).toEqual([]);
  expect(problems).toEqual([]);
});

test('the data, the version and the monitor of the application have their pages', async () => {
  const { page, problems, accessibility } = await signIn(browser, product.apiKey);
  await page.goto(`/data/${model}.summaries`);
  const versions = page.getByRole('region', { name: 'Versions, newest first' });
  await versions.getByText(quickDocuments.toLocaleString('en'), { exact: true }).waitFor();
  await page.goto(`/models/${model}/versions/1`);
  await page.getByRole('heading', { name: `Why ${model}@1 serves` }).waitFor();
  await page.getByRole('heading', { name: 'Decision of evaluate' }).waitFor();
  expect(await accessibility()).toEqual([]);
  await page.goto(`/monitoring/${model}`);
  await page.getByText(/[1-9]\d* requests and \d+ due labels until/).waitFor();
  expect(await accessibility()).toEqual([]);
  expect(problems).toEqual([]);
});
