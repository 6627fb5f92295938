/**
 * A person works with the pages alone: signs in, starts a run, watches it, approves it, and rolls
 * the model back.
 */
import { openBrowser, type TestBrowser, type WindowOptions } from '../../support/process/browser';
import { startLocalProduct, type LocalProduct } from '../../support/process/product';
import { lenientGates, writeTinyLifecycle } from '../../support/tiny-lifecycle';
import { shownEvents, storedEvents } from './support/live-events';
import { confirm, keepPicture, measureOverflow, signIn, waitForCount } from './support/person';

jest.setTimeout(300_000);

let product: LocalProduct;
let browser: TestBrowser;
const opened: { close: () => Promise<void> }[] = [];
let approverKey: string;
const model = 'visits';

beforeAll(async () => {
  product = await startLocalProduct();
  opened.push({ close: () => product.stop() });
  browser = await openBrowser(product.apiUrl);
  opened.push(browser);
  const { body } = await product.call<{ key: string }>('POST', '/api-keys', {
    body: { name: 'ada', scope: 'approver' },
  });
  approverKey = body.key;
  await apply('{ approval: { required: 0 } }');
  const first = await product.start(model);
  const ended = await product.waitForEnd(first.body.id);
  if (ended.status !== 'succeeded') throw new Error(JSON.stringify(ended));
});
afterAll(async () => {
  for (const each of opened.reverse()) await each.close();
});

let seed = 0;
/** With other rows each time, because stages with unchanged inputs would be reused. */
const apply = (promote: string) =>
  product.apply(
    writeTinyLifecycle(product.workDir, {
      name: model,
      evaluate: lenientGates,
      promote,
      seed: (seed += 1),
    }),
  );

const signedIn = (key: string, options: WindowOptions = {}) => signIn(browser, key, options);

test('a run is started, watched, approved and rolled back by clicks alone', async () => {
  await apply('{ approval: { required: 1 } }');
  const operator = await signedIn(product.apiKey);
  const { page } = operator;
  await page.getByRole('link', { name: model, exact: true }).click();
  await page.getByRole('heading', { name: model, level: 1 }).waitFor();
  await page.getByText('@1: why this version').waitFor();
  await confirm(page, 'Start a new run', 'a test');
  // The run is followed live, and the page is never loaded again.
  await page.getByText(/^Waiting for: 1 approval of visits/).waitFor({ timeout: 120_000 });
  await page.getByText('You cannot vote: the key', { exact: false }).waitFor();
  const stages = page.getByRole('list', { name: 'Stages' });
  for (const stage of ['ingest', 'validate', 'train', 'evaluate', 'promote'])
    await waitForCount(stages.getByText(stage, { exact: true }), 1);
  const address = new URL(page.url()).pathname;

  const approver = await signedIn(approverKey);
  await approver.page.getByRole('link', { name: 'visits@2' }).waitFor();
  await keepPicture(approver.page, 'home');
  await approver.page.getByRole('link', { name: 'visits@2' }).click();
  expect(new URL(approver.page.url()).pathname).toBe(address);
  await confirm(approver.page, 'Approve', 'looks right');
  await page.getByRole('heading', { level: 1 }).getByText('succeeded').waitFor();
  await page.getByRole('tab', { name: 'Timeline' }).click();
  await page.getByText(/^waiting: 1 approval/).waitFor();
  await keepPicture(page, 'run');

  await page.getByRole('link', { name: 'Why visits@2' }).click();
  await page.getByRole('heading', { name: /Why visits@2 serves/ }).waitFor();
  await page.getByText('looks right').waitFor();
  await page.getByRole('link', { name: model, exact: true }).click();
  await confirm(page, 'Roll back to @1', 'the new one is worse');
  await page.getByText('@1: why this version').waitFor();
  await page.getByText('the new one is worse').waitFor();
  const { body } = await product.call<{ version: number }>(
    'GET',
    `/models/${model}/aliases/champion`,
  );
  expect(body.version).toBe(1);
  expect([...operator.problems, ...approver.problems]).toEqual([]);
});

test('each page can be read by everyone, at 360 pixels and in the dark', async () => {
  const { body: runs } = await product.call<{ items: readonly { id: string }[] }>('GET', '/runs');
  const paths = [
    '/',
    '/runs',
    `/runs/${runs.items[0]?.id ?? ''}`,
    `/models/${model}`,
    `/models/${model}/versions/1`,
    `/models/${model}/compare?versions=1,2`,
    `/models/${model}/rollout`,
    '/data',
    `/data/${model}.visits`,
    '/language',
    '/monitoring',
    `/monitoring/${model}`,
    `/models/${model}/try`,
    '/operations',
  ];
  for (const options of [{ width: 360 }, { scheme: 'dark' as const }]) {
    const { page, problems, accessibility } = await signedIn(product.apiKey, options);
    for (const path of paths) {
      await page.goto(path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.locator('p.state[role=status]').first().waitFor({ state: 'hidden' });
      expect({ path, found: await accessibility() }).toEqual({ path, found: [] });
      const overflow = await measureOverflow(page);
      expect({ path, overflow }).toEqual({ path, overflow: 0 });
    }
    expect(problems).toEqual([]);
  }
});

test('versions are compared by their scores, their slices and their training data', async () => {
  const { page, problems } = await signedIn(product.apiKey);
  await page.goto(`/models/${model}`);
  await page.getByRole('button', { name: 'Compare the selected versions' }).click();
  await page.getByRole('heading', { name: 'Versions side by side' }).waitFor();
  for (const version of ['@1', '@2']) {
    const matrix = page.getByRole('region', { name: `Confusion matrix of ${version}` });
    await waitForCount(matrix.locator('td'), 4);
    const rows = (await matrix.locator('td').allInnerTexts()).map((text) =>
      parseFloat(text.replaceAll(',', '')),
    );
    // 28 of the 30 days of the holdout are whole weeks, with 60 rows each.
    expect(rows.reduce((sum, each) => sum + each, 0)).toBe(28 * 60);
  }
  await page.getByText('Share of rows with label 1 by score').first().waitFor();
  await page.getByRole('link', { name: 'visits.visits@1, then @2' }).waitFor();
  await keepPicture(page, 'compare');
  expect(problems).toEqual([]);
});

test('a row is sent to the champion, and a wrong one is explained', async () => {
  const { page, problems } = await signedIn(product.apiKey);
  await page.goto(`/models/${model}/try`);
  for (const [column, value] of [
    ['kind', 'a'],
    ['x', '0.5'],
    ['y', '-1'],
  ] as const)
    await page.getByLabel(new RegExp(`^${column} `)).fill(value);
  await page.getByRole('button', { name: 'Predict' }).click();
  await page.getByText('pred_', { exact: false }).waitFor();
  // The champion computes xy = x * y of the row, and the page shows it.
  await page.getByRole('heading', { name: 'Computed features' }).waitFor();
  await waitForCount(page.getByRole('definition').filter({ hasText: /^-0\.5$/ }), 1);
  await page.getByLabel(/^x /).fill('much');
  await page.getByRole('button', { name: 'Predict' }).click();
  await page.getByRole('alert').getByText(/\bx\b/).first().waitFor();
  expect(problems).toEqual([]);
});

test('a key sees the buttons of its scope, and a page that it may not read says so', async () => {
  const { body } = await product.call<{ key: string }>('POST', '/api-keys', {
    body: { name: 'reader', scope: 'viewer' },
  });
  const { page } = await signedIn(body.key);
  await page.goto(`/models/${model}`);
  await page.getByRole('heading', { name: 'Versions' }).waitFor();
  for (const name of [/^Roll back/, 'Promote', 'Start a new run'])
    expect(await page.getByRole('button', { name }).count()).toBe(0);
  await page.goto('/operations');
  await page.getByRole('tab', { name: 'Platform' }).waitFor();
  await page.goto('/runs/run_none');
  await page.getByRole('alert').getByText('there is no run run_none').waitFor();
  // A page that cannot show its content has a heading all the same.
  for (const [path, title] of [
    ['/runs/run_none', 'Run run_none'],
    ['/models/none/rollout', 'Rollout of none'],
    ['/models/none/versions/7', 'none@7'],
  ] as const) {
    await page.goto(path);
    await page.locator('.state:not([role=status])').first().waitFor();
    const heading = page.getByRole('heading', { level: 1 });
    expect({ path, title: await page.title() }).toEqual({
      path,
      title: expect.stringContaining(title) as string,
    });
    await waitForCount(heading, 1);
  }
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('API key').waitFor();
  expect((await page.context().cookies()).map(({ name }) => name)).toEqual([]);
});

test('names that would be code or break a line do nothing', async () => {
  const hostile = [
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(2)>',
    'a'.repeat(95),
    'שלום ‮evil‬ 😀',
  ];
  for (const name of hostile)
    await product.call('POST', '/api-keys', { body: { name, scope: 'viewer' } });
  const { page, problems } = await signedIn(product.apiKey, { width: 360 });
  await page.goto('/operations');
  await page.getByRole('tab', { name: 'Keys' }).click();
  for (const name of hostile) await page.getByText(name, { exact: true }).first().waitFor();
  const overflow = await measureOverflow(page);
  expect(overflow).toBe(0);
  await page.goto('/models/%3Cscript%3Ealert(3)%3C%2Fscript%3E');
  await page.getByRole('alert').waitFor();
  await page.goto('/runs?lifecycle=%3Cscript%3Ealert(4)%3C/script%3E');
  await page.getByRole('alert').waitFor();
  expect(problems).toEqual([]);
});

test('the pages come back by themselves after the API was killed, without a gap', async () => {
  await apply('{ approval: { required: 1 } }');
  const { page, problems } = await signedIn(product.apiKey);
  const { body: run } = await product.start(model);
  await page.goto(`/runs/${run.id}`);
  await page.getByText('Live', { exact: true }).waitFor();
  product.kill(' api');
  await page.getByText('Connection lost', { exact: false }).waitFor();
  await page.getByText(/^Waiting for: 1 approval/).waitFor({ timeout: 120_000 });
  await page.getByText('Live', { exact: true }).waitFor();
  const sent = await product.call<{ stages: readonly unknown[] }>('GET', `/runs/${run.id}`);
  await waitForCount(page.getByText(/^(started|reused from)/), sent.body.stages.length);
  await confirm(page, 'Cancel', 'the test ends');
  await page.getByRole('heading', { level: 1 }).getByText('cancelled').waitFor();
  await page
    .getByText(/^cancelled/)
    .first()
    .waitFor();
  expect(await shownEvents(page)).toEqual(await storedEvents(product, run.id));
  expect(problems).toEqual([]);
});
