/** The trials of a long search, which are more than one page of the API. */
import type { Database } from '../../../db/connection';
import { openBrowser, type TestBrowser } from '../../support/process/browser';
import { startLocalProduct, type LocalProduct } from '../../support/process/product';
import { openOwnersDatabase } from '../../support/process/worker-process';
import { lenientGates, writeTinyLifecycle } from '../../support/tiny-lifecycle';
import { signIn } from './support/person';

jest.setTimeout(300_000);

let product: LocalProduct;
let browser: TestBrowser;
let database: Database;
let run: string;
const opened: { close: () => Promise<unknown> }[] = [];

beforeAll(async () => {
  product = await startLocalProduct();
  opened.push({ close: () => product.stop() });
  database = openOwnersDatabase(product);
  opened.push(database);
  browser = await openBrowser(product.apiUrl);
  opened.push(browser);
  const tune =
    '{ metric: logloss, direction: minimize, sampler: random, space: { C: { kind: float, low: 0.01, high: 10, log: true } }, trials: 2 }';
  await product.apply(
    writeTinyLifecycle(product.workDir, {
      name: 'searched',
      tune,
      evaluate: lenientGates,
    }),
  );
  const { body } = await product.start('searched');
  run = body.id;
  const ended = await product.waitForEnd(run);
  if (ended.status !== 'succeeded') throw new Error(JSON.stringify(ended));
});
afterAll(async () => {
  for (const each of opened.reverse()) await each.close();
});

/** Adds copies of the first trial with other parameters, as if the search had tried them. */
const growTo = (trials: number) =>
  database.sql`
    insert into trials (tenant_id, run_id, study, number, params, status, value, started_at, ended_at)
    select t.tenant_id, t.run_id, t.study, n, json_build_object('C', 0.01 + 0.02 * n), t.status, t.value + 0.001 * n, t.started_at, t.ended_at
    from trials t, generate_series((select max(number) + 1 from trials where run_id = ${run}), ${trials - 1}::int) n
    where t.run_id = ${run} and t.number = 0`;

test('the charts of a search that still runs stay when it grows beyond a page', async () => {
  // A real search would take minutes to get so far.
  await database.sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`update stage_records set status = 'running', ended_at = null where run_id = ${run} and stage = 'tune'`;
  });
  await growTo(199);
  const { page, problems, accessibility } = await signIn(browser, product.apiKey);
  await page.goto(`/runs/${run}`);
  await page.getByRole('tab', { name: 'Trials' }).click();
  await page.getByText(/^199 trials, /).waitFor();
  const chart = page.locator('canvas.parallel');
  await chart.waitFor();
  await page.evaluate("document.querySelector('canvas.parallel').dataset.seen = 'true'");
  for (const trials of [200, 450]) {
    await growTo(trials);
    await page.getByText(`${trials} trials, `, { exact: false }).first().waitFor();
    // A chart that was removed meanwhile would be another element.
    expect(await chart.getAttribute('data-seen')).toBe('true');
  }
  expect(await accessibility()).toEqual([]);
  expect(problems).toEqual([]);
});
