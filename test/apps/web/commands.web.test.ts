/** Every command of a run, a rollout and a model by clicks alone, and what a viewer sees instead. */
import type { Page } from 'playwright-core';
import type { RolloutJson } from '../../../apps/cli/rollout/view';
import { openBrowser, type TestBrowser } from '../../support/process/browser';
import { startLocalProduct, type LocalProduct } from '../../support/process/product';
import { startTraffic } from '../../support/rollout/traffic';
import { openTrials, type Trials } from '../../support/rollout/trials';
import { lenientGates, writeTinyLifecycle } from '../../support/tiny-lifecycle';
import { shownEvents, storedEvents } from './support/live-events';
import { until } from '../../support/time/until';
import { confirm, measureOverflow, signIn, waitForCount, waitForStatus } from './support/person';

jest.setTimeout(300_000);

let product: LocalProduct;
let browser: TestBrowser;
let trials: Trials;
const opened: { close: () => Promise<unknown> }[] = [];
const rolled = 'rolled';
const approved = 'approved';
const promoted = 'promoted';

beforeAll(async () => {
  product = await startLocalProduct();
  opened.push({ close: () => product.stop() });
  browser = await openBrowser(product.apiUrl);
  opened.push(browser);
  trials = openTrials(product);
  await trials.withChampion(rolled);
});
afterAll(async () => {
  for (const each of opened.reverse()) await each.close();
});

const keys = new Map<string, string>();
/** Each scope has one key, because the names of keys are unique. */
async function createKey(scope: 'viewer' | 'approver'): Promise<string> {
  const known = keys.get(scope);
  if (known !== undefined) return known;
  const { body } = await product.call<{ key: string }>('POST', '/api-keys', {
    body: { name: `the ${scope}`, scope },
  });
  keys.set(scope, body.key);
  return body.key;
}

const heading = (page: Page) => page.getByRole('heading', { level: 1 });

test('a rollout is held, resumed, extended, skipped and aborted', async () => {
  const run = await trials.open(rolled, 0.5);
  const { page, problems } = await signIn(browser, product.apiKey);
  await page.goto(`/models/${rolled}`);
  await page.getByRole('link', { name: 'Rollout', exact: true }).click();
  await heading(page).getByText('running').waitFor();
  await confirm(page, 'Hold', 'a look first');
  await heading(page).getByText('held').waitFor();
  await confirm(page, 'Resume');
  await heading(page).getByText('running').waitFor();
  const { test: before } = await trials.until(rolled, () => true);
  await confirm(page, 'Extend', 'few visits this week');
  await trials.until(
    rolled,
    ({ test: { extendedSeconds } }) => extendedSeconds === before.extendedSeconds + 86_400,
  );
  await confirm(page, 'Skip to 50 %');
  await page.getByText('The challenger answers 50 % of the entities now.').waitFor();
  await waitForCount(page.getByRole('button', { name: /^Skip to/ }), 0);
  await confirm(page, 'Abort', 'enough for this test');
  await heading(page).getByText('aborted').waitFor();
  await waitForCount(page.getByRole('group', { name: 'Actions' }), 0);
  const ended = await product.waitForEnd(run.id);
  expect(ended.status).toBe('stopped');
  expect(await trials.champion(rolled)).toBe(1);
  expect(problems).toEqual([]);
});

test('a promotion needs a reason, and is refused while a requirement is not met', async () => {
  const { page, problems } = await signIn(browser, await createKey('approver'));
  await page.goto(`/models/${rolled}`);
  await page.getByRole('button', { name: 'Promote', exact: true }).first().click();
  const dialog = page.getByRole('dialog');
  // Without a reason the browser keeps the form.
  await dialog.getByRole('button', { name: 'Promote', exact: true }).click();
  expect(await dialog.isVisible()).toBe(true);
  await dialog.getByLabel(/^Reason/).fill('a second look at it');
  await dialog.getByRole('button', { name: 'Promote', exact: true }).click();
  // Its rollout was aborted. The dialog lists what is missing.
  await dialog.getByRole('alert').getByText('ended as aborted', { exact: false }).waitFor();
  await dialog.getByRole('button', { name: 'Keep as it is' }).click();
  await dialog.waitFor({ state: 'hidden' });
  expect(await trials.champion(rolled)).toBe(1);
  expect(await trials.audit(rolled, 'alias.promote')).toHaveLength(1);
  expect(problems).toEqual([]);
});

test('a version is promoted by hand, and the audit log has the reason', async () => {
  for (const seed of [41, 42]) {
    await product.apply(
      writeTinyLifecycle(product.workDir, { name: promoted, evaluate: lenientGates, seed }),
    );
    const { body } = await product.start(promoted);
    expect((await product.waitForEnd(body.id)).status).toBe('succeeded');
  }
  const { page, problems } = await signIn(browser, product.apiKey);
  await page.goto(`/models/${promoted}`);
  await confirm(page, 'Roll back to @1', 'errors in the shop');
  await page.getByText('@1: why this version').waitFor();
  const approver = await signIn(browser, await createKey('approver'));
  await approver.page.goto(`/models/${promoted}`);
  await confirm(approver.page, 'Promote', 'it was not the cause');
  await approver.page.getByText('@2: why this version').waitFor();
  expect(await trials.champion(promoted)).toBe(2);
  await approver.page.goto('/operations');
  await approver.page.getByRole('tab', { name: 'Audit log' }).click();
  await approver.page.getByLabel(/^About/).fill(`model:${promoted}`);
  await approver.page.getByLabel(/^Action/).fill('alias.promote');
  await approver.page.getByRole('button', { name: 'Search' }).click();
  const row = approver.page.getByRole('row').filter({ hasText: 'it was not the cause' });
  await row.getByText('the approver').waitFor();
  expect([...problems, ...approver.problems]).toEqual([]);
});

test('a run is paused, resumed, and cancelled, and each dialog names the effect', async () => {
  await product.apply(
    writeTinyLifecycle(product.workDir, {
      name: approved,
      evaluate: lenientGates,
      promote: '{ approval: { required: 1 } }',
      seed: 31,
    }),
  );
  const { page, problems } = await signIn(browser, product.apiKey);
  const { body: run } = await product.start(approved);
  await page.goto(`/runs/${run.id}`);
  await confirm(page, 'Pause', 'the machine is busy');
  await waitForStatus(page, 'paused');
  await confirm(page, 'Resume');
  await waitForStatus(page, 'waiting');
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Cancel this run?' });
  await dialog.getByText('all traffic goes to the champion', { exact: false }).waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  await confirm(page, 'Cancel', 'not today');
  await waitForStatus(page, 'cancelled');
  await page.getByRole('button', { name: 'Rerun', exact: true }).waitFor();
  expect(problems).toEqual([]);
});

test('a dialog stays while its request runs, and a second attempt changes nothing twice', async () => {
  const { page } = await signIn(browser, product.apiKey);
  await page.goto('/runs');
  await page.getByRole('link', { name: /^run_/ }).first().click();
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const keys: (string | undefined)[] = [];
  await page.route('**/api/v1/lifecycles/*/runs', async (route) => {
    keys.push(route.request().headers()['idempotency-key']);
    if (keys.length === 1) {
      await held;
      await route.abort();
    } else await route.continue();
  });
  await page.getByRole('button', { name: 'Start a new run' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Start a new run' }).click();
  await dialog.getByRole('button', { name: 'Sending …' }).waitFor();
  await page.keyboard.press('Escape');
  expect(await dialog.getByRole('button', { name: 'Keep as it is' }).isDisabled()).toBe(true);
  expect(await dialog.isVisible()).toBe(true);
  release();
  await dialog.getByRole('alert').getByText('The API does not respond.').waitFor();
  const address = page.url();
  await dialog.getByRole('button', { name: 'Start a new run' }).click();
  await page.waitForURL((url) => url.href !== address);
  expect(keys).toHaveLength(2);
  expect(keys[1]).toBe(keys[0]);
  await confirm(page, 'Cancel', 'the test ends');
  await waitForStatus(page, 'cancelled');
});

test('a window that is not seen gives its connection back, and misses no event', async () => {
  const { page, problems } = await signIn(browser, product.apiKey);
  const { body: run } = await product.start(approved);
  await page.goto(`/runs/${run.id}`);
  await page.getByText('Live', { exact: true }).waitFor();
  const show = (isHidden: boolean) =>
    page.evaluate(
      `Object.defineProperty(document, 'hidden', { configurable: true, get: () => ${isHidden} });` +
        "document.dispatchEvent(new Event('visibilitychange'))",
    );
  await show(true);
  await page.getByText('Connecting …').waitFor();
  const atFirst = await shownEvents(page);
  await product.call('POST', `/runs/${run.id}/cancel`, { body: {} });
  await product.waitForEnd(run.id);
  await show(false);
  await waitForStatus(page, 'cancelled');
  await page
    .getByText(/^cancelled/)
    .first()
    .waitFor();
  const stored = await storedEvents(product, run.id);
  // Events of both connections, and none twice.
  expect(atFirst.length).toBeGreaterThan(0);
  expect(stored.length).toBeGreaterThan(atFirst.length);
  expect(await shownEvents(page)).toEqual(stored);
  expect(problems).toEqual([]);
});

test('a viewer has none of the buttons of an admin, and a page that needs more says which scope', async () => {
  await trials.open(rolled, 1);
  const { body: run } = await product.start(approved);
  const pages = [
    [`/models/${promoted}`, /^promoted/, [/^Roll back/, 'Promote', 'Start a new run']],
    [`/models/${rolled}/rollout`, 'running', ['Hold', 'Extend', 'Abort']],
    [`/runs/${run.id}`, 'waiting', ['Approve', 'Reject', 'Pause', 'Cancel', 'Start a new run']],
  ] as const;
  const admin = await signIn(browser, product.apiKey);
  const { page, problems } = await signIn(browser, await createKey('viewer'));
  for (const [path, text, names] of pages) {
    for (const each of [admin.page, page]) {
      await each.goto(path);
      await heading(each).getByText(text).waitFor();
      await each.locator('p.state[role=status]').first().waitFor({ state: 'hidden' });
    }
    for (const name of names) {
      const countIn = (each: Page) => each.getByRole('button', { name, exact: true }).count();
      await admin.page.getByRole('button', { name, exact: true }).first().waitFor();
      expect({ path, name, count: await countIn(page) }).toEqual({ path, name, count: 0 });
    }
  }
  await page.goto('/operations');
  for (const tab of ['Keys', 'Audit log']) {
    await page.getByRole('tab', { name: tab }).click();
    const alert = page.getByRole('alert').first();
    await alert
      .getByText('has the scope viewer, which does not allow this', { exact: false })
      .waitFor();
    expect(await page.getByRole('button', { name: 'New key' }).count()).toBe(0);
  }
  expect(problems).toEqual([]);
});

test('an A/B rollout shows each version with its share and its exact requests', async () => {
  const { page, problems, accessibility } = await signIn(browser, product.apiKey);
  await page.goto(`/models/${rolled}/rollout`);
  await confirm(page, 'Abort', 'the next test compares it with others');
  await heading(page).getByText('aborted').waitFor();
  const quality =
    'quality: { metric: logloss, margin: 0.3 }, guardrails: [{ name: errors, max: 0.1 }]';
  const horizon = 'test: { alpha: 0.2, minSamples: 50, minDuration: 1h }, maxDuration: 28d';
  await product.apply(
    writeTinyLifecycle(product.workDir, {
      name: rolled,
      evaluate: lenientGates,
      canary: `{ method: ab, against: [2], ${quality}, ${horizon} }`,
    }),
  );
  const run = await trials.open(rolled, 0.25);
  const { challenger } = await trials.until(rolled, ({ weight }) => weight > 0.6);
  const traffic = startTraffic(product, rolled, { from: '2024-05-01T00:00:00Z' });
  await until(() => traffic.report().asked >= 300, { seconds: 120, everyMs: 50 });
  const { versions, failures } = await traffic.stop();
  expect(failures).toEqual([]);
  const answeredBy = (version: number) => versions[`${rolled}@${version}`] ?? 0;
  // The first requests may have come before the gateway divided the entities.
  const isCounted = ({ arms }: RolloutJson) =>
    arms?.every(({ version, role, requests }) =>
      role === 'challenger'
        ? requests === answeredBy(version)
        : (requests ?? 0) > 0 && (requests ?? 0) <= answeredBy(version),
    ) === true;
  const { arms } = await trials.until(rolled, isCounted);
  expect(arms?.map(({ version }) => version)).toEqual([challenger, 2, 1]);
  const table = page.getByRole('region', { name: 'Arms of the A/B rollout' });
  await table.waitFor();
  await until(
    async () => {
      const rows = await table.locator('tbody tr').allInnerTexts();
      const { arms: counted } = (await trials.readRollout(rolled)) ?? {};
      return (
        counted?.every(({ version, entities, requests }, index) => {
          const [name = '', planned, , ...counts] = rows[index]?.split('\t') ?? [];
          const isArm = name.startsWith(`@${version}`) && planned === '33.3 %';
          return isArm && counts[0] === String(entities) && counts[1] === String(requests);
        }) === true
      );
    },
    { seconds: 60, everyMs: 500, detail: () => table.innerText() },
  );
  await table.getByRole('row').filter({ hasText: '@1' }).getByText('champion').waitFor();
  await page.getByText('Shares: no mismatch of shares is shown', { exact: false }).waitFor();
  await page.getByText('The challengers together answer 66.7 % of the entities now.').waitFor();
  expect(await accessibility()).toEqual([]);
  await page.setViewportSize({ width: 360, height: 900 });
  // Charts take the width of the window a moment later.
  await until(async () => (await measureOverflow(page)) === 0, {
    seconds: 10,
    detail: async () => `${String(await measureOverflow(page))} px wider than the window`,
  });
  await confirm(page, 'Abort', 'the test ends');
  await heading(page).getByText('aborted').waitFor();
  await table.waitFor();
  expect((await product.waitForEnd(run.id)).status).toBe('stopped');
  expect(problems).toEqual([]);
});
