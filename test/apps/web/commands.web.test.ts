/** Every command of a run, a rollout and a model by clicks alone, and what a viewer sees instead. */
import type { Page } from 'playwright-core';
import { openBrowser, type TestBrowser } from '../../support/process/browser';
import { startLocalProduct, type LocalProduct } from '../../support/process/product';
import { openTrials, type Trials } from '../../support/rollout/trials';
import { lenientGates, writeTinyLifecycle } from '../../support/tiny-lifecycle';
import { confirm, signIn, waitForStatus } from './support/person';

jest.setTimeout(300_000);

let product: LocalProduct;
let browser: TestBrowser;
let trials: Trials;
const opened: { close: () => Promise<unknown> }[] = [];
const rolled = 'rolled';
const approved = 'approved';

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

async function keyOf(scope: 'viewer' | 'operator' | 'approver'): Promise<string> {
  const { body } = await product.call<{ key: string }>('POST', '/api-keys', {
    body: { name: `a ${scope}`, scope },
  });
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
  expect(await page.getByRole('button', { name: /^Skip to/ }).count()).toBe(0);
  await confirm(page, 'Abort', 'enough for this test');
  await heading(page).getByText('aborted').waitFor();
  expect(await page.getByRole('group', { name: 'Actions' }).count()).toBe(0);
  const ended = await product.waitForEnd(run.id);
  expect(ended.status).toBe('stopped');
  expect(await trials.champion(rolled)).toBe(1);
  expect(problems).toEqual([]);
});

test('a version is promoted by hand, with a reason for the audit log', async () => {
  const { page, problems } = await signIn(browser, await keyOf('approver'));
  await page.goto(`/models/${rolled}`);
  await page.getByRole('button', { name: 'Promote', exact: true }).first().click();
  const dialog = page.getByRole('dialog');
  // Without a reason the browser keeps the form.
  await dialog.getByRole('button', { name: 'Promote', exact: true }).click();
  expect(await dialog.isVisible()).toBe(true);
  await dialog.getByLabel(/^Reason/).fill('a second look at it');
  await dialog.getByRole('button', { name: 'Promote', exact: true }).click();
  // Its rollout was aborted, so a requirement is not met. The dialog lists what is missing.
  await dialog.getByRole('alert').waitFor();
  await dialog.getByRole('button', { name: 'Keep as it is' }).click();
  await dialog.waitFor({ state: 'hidden' });
  expect(await trials.champion(rolled)).toBe(1);
  expect(problems).toEqual([]);
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
  await product.call('POST', `/runs/${run.id}/cancel`, { body: {} });
  await product.waitForEnd(run.id);
  await show(false);
  await waitForStatus(page, 'cancelled');
  await page
    .getByText(/^cancelled/)
    .first()
    .waitFor();
  expect(problems).toEqual([]);
});

test('a viewer has no button, and every page that needs more says which scope', async () => {
  const { page, problems } = await signIn(browser, await keyOf('viewer'));
  const { body: runs } = await product.call<{ items: readonly { id: string }[] }>('GET', '/runs');
  for (const path of [
    `/models/${rolled}`,
    `/models/${rolled}/rollout`,
    `/runs/${runs.items[0]?.id ?? ''}`,
  ]) {
    await page.goto(path);
    await heading(page).waitFor();
    for (const name of [
      'Promote',
      /^Roll back/,
      'Start a new run',
      'Pause',
      'Cancel',
      'Hold',
      'Approve',
    ])
      expect({
        path,
        name,
        count: await page.getByRole('button', { name, exact: true }).count(),
      }).toEqual({
        path,
        name,
        count: 0,
      });
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
