/**
 * The pages on real runs of two samples: flight-delay, with a tuned champion and a sabotaged
 * successor that the flights of September roll back, and bike-demand, a regression with a schedule.
 */
import { join, resolve } from 'node:path';
import { readLifecycleFolder } from '../../../apps/cli/lifecycle/folder';
import { flightDelayDemo, sabotaged } from '../../../samples/flight-delay/demo';
import { openBrowser, type TestBrowser } from '../../support/process/browser';
import { listJobPids } from '../../support/process/job-processes';
import { pause, startLocalProduct, type LocalProduct } from '../../support/process/product';
import { confirm, signIn, waitForCount } from './support/person';

jest.setTimeout(900_000);

const samples = join(resolve(__dirname, '..', '..', '..'), 'samples');
const sample = 'bike-demand';
const flights = flightDelayDemo.lifecycle;
let product: LocalProduct;
let browser: TestBrowser;
let run: string;
let tuned: string;
let harmful: string;
const opened: { close: () => Promise<unknown> }[] = [];

beforeAll(async () => {
  product = await startLocalProduct();
  opened.push({ close: () => product.stop() });
  browser = await openBrowser(product.apiUrl);
  opened.push(browser);
  await product.apply(join(samples, flights));
  tuned = (await product.start(flights, flightDelayDemo.retrained)).body.id;
  await product.waitForStage(tuned, 'train');
  await killOneJob();
  await product.apply(join(samples, sample));
  run = (await product.start(sample)).body.id;
  for (const id of [run, tuned]) {
    const ended = await product.waitForEnd(id, 600);
    if (ended.status !== 'succeeded') throw new Error(JSON.stringify(ended));
  }
  harmful = await rollBackOnFlightsOfSeptember();
});
afterAll(async () => {
  for (const each of opened.reverse()) await each.close();
});

/** kill -9 of a job that trains, so that a page has a restart to show. */
async function killOneJob(): Promise<void> {
  for (const deadline = Date.now() + 120_000; ;) {
    const [job] = listJobPids('job', product);
    if (job !== undefined) {
      process.kill(job, 'SIGKILL');
      return;
    }
    if (Date.now() > deadline) throw new Error('no job has started');
    await pause(20);
  }
}

/** As in the third part of `npm start`. */
async function rollBackOnFlightsOfSeptember(): Promise<string> {
  const path = `/lifecycles/${flights}`;
  const applied = await product.call<{ revision: number }>('PUT', path, {
    body: sabotaged(readLifecycleFolder(join(samples, flights), '.')),
  });
  await product.call('POST', `${path}/revisions/${applied.body.revision}/approve`, {
    body: { reason: 'sabotage of a test', selfApprove: true },
  });
  const { body } = await product.start(flights, { until: flightDelayDemo.traffic.from });
  // Its labels are those of the replay; the run has its own revision.
  await product.apply(join(samples, flights));
  await product.waitForStage(body.id, 'canary');
  const { from, speed } = flightDelayDemo.traffic;
  const replayed = await product.cli([
    ...['replay', flights, '--from', from, '--to', '2013-09-05T00:00:00Z'],
    ...['--speed', String(speed)],
  ]);
  if (replayed.exitCode !== 0) throw new Error(replayed.stderr);
  const ended = await product.waitForEnd(body.id, 120);
  if (ended.status !== 'stopped') throw new Error(JSON.stringify(ended));
  return body.id;
}

test('a tuned run shows its stages, the restart of its job, its curves, its trials and its cost', async () => {
  const { page, problems, accessibility } = await signIn(browser, product.apiKey);
  await page.goto(`/runs/${tuned}`);
  const stages = page.getByRole('list', { name: 'Stages' });
  await stages.waitFor();
  for (const stage of ['ingest', 'validate', 'train', 'tune', 'evaluate', 'promote'])
    await waitForCount(stages.getByText(stage, { exact: true }), 1);
  await stages.getByText('train', { exact: true }).click();
  const stage = page.getByRole('region', { name: 'Stage train' });
  await stage.getByRole('heading', { name: 'Attempts before this one' }).waitFor();
  await stage.getByText(/^(Attempt 1|Job): .*(SIGKILL|signal|killed|lost)/).waitFor();
  await page
    .getByRole('list')
    .getByText(/^started/)
    .first()
    .waitFor();
  await page.getByRole('tab', { name: 'Training curves' }).click();
  await page
    .getByRole('img', { name: /by step$/ })
    .first()
    .waitFor();
  await page.getByRole('tab', { name: 'Trials' }).click();
  const { body } = await product.call<{ readonly items: readonly { readonly status: string }[] }>(
    'GET',
    `/runs/${tuned}/trials?pageSize=200`,
  );
  const { length } = body.items;
  expect(length).toBeGreaterThan(3);
  const complete = body.items.filter(({ status }) => status === 'complete').length;
  const summary = `${length} trials, ${complete} complete. The best is trial`;
  await page.getByText(summary, { exact: false }).waitFor();
  await page.locator('canvas.parallel').waitFor();
  const importance = page.getByRole('region', { name: /^Rank correlation of each parameter/ });
  // Fewer than eight trials say nothing of the parameters. The budget in seconds bounds them.
  await waitForCount(importance.locator('tbody tr'), complete < 8 ? 0 : 5);
  expect(await accessibility()).toEqual([]);
  await page.getByRole('tab', { name: 'Logs' }).click();
  await page.getByLabel('Output of the jobs').getByText('training starts').waitFor();
  await page.getByRole('tab', { name: 'Cost' }).click();
  await page
    .getByText(/CPU-hours/)
    .first()
    .waitFor();
  expect(problems).toEqual([]);
});

test('the model shows its champion, why it serves, and both versions side by side', async () => {
  const { page, problems, accessibility } = await signIn(browser, product.apiKey);
  const row = page.getByRole('row').filter({ hasText: flights });
  await row.getByText(/^logloss/).waitFor();
  await row.filter({ hasText: /logloss [\d.]+\s*[\d.]+ … [\d.]+/ }).waitFor();
  await row.getByRole('link', { name: flights }).click();
  await page.getByText('@1: why this version').waitFor();
  await page.getByRole('button', { name: 'Compare the selected versions' }).click();
  await page.getByRole('region', { name: 'Slices' }).getByText('origin = EWR').first().waitFor();
  for (const version of ['@1', '@2'])
    await page.getByRole('region', { name: `Confusion matrix of ${version}` }).waitFor();
  await page.getByText('Share of rows with label 1 by score').first().waitFor();
  await page.getByRole('link', { name: /^flight-delay\.flights@\d+, then @\d+$/ }).waitFor();
  await page.getByRole('region', { name: 'Parameters that differ' }).waitFor();
  expect(await accessibility()).toEqual([]);
  await page.goto(`/models/${flights}/versions/1`);
  await page.getByRole('heading', { name: `Why ${flights}@1 serves` }).waitFor();
  for (const title of ['Data', 'Run', 'Decision of evaluate', 'Moves of the champion'])
    await page.getByRole('heading', { name: title, exact: true }).waitFor();
  await page
    .getByRole('link', { name: /^flight-delay\.weather@\d+$/ })
    .first()
    .waitFor();
  expect(await accessibility()).toEqual([]);
  expect(problems).toEqual([]);
});

test('the rollout of a harmful version shows its difference, its traffic and its rollback', async () => {
  const { page, problems, accessibility } = await signIn(browser, product.apiKey);
  await page.goto(`/runs/${harmful}`);
  await page.getByRole('link', { name: 'rolled back' }).click();
  await page.getByRole('heading', { level: 1 }).getByText('@2 beside @1').waitFor();
  for (const name of [/^Difference with its confidence sequence/, /^Requests over event time/])
    await page.getByRole('img', { name }).waitFor();
  const rows = page.getByRole('region', { name: 'Requests and labels' }).locator('tbody tr');
  const { body } = await product.call<{
    readonly traffic: { readonly total: { readonly challenger: { readonly requests: number } } };
    readonly quality: { readonly lower: number };
  }>('GET', `/models/${flights}/rollout`);
  const { requests } = body.traffic.total.challenger;
  expect(requests).toBeGreaterThan(100);
  const exact = new RegExp(`^${requests.toLocaleString('en')}$`);
  await rows.last().locator('td').nth(1).filter({ hasText: exact }).waitFor();
  expect(body.quality.lower).toBeGreaterThan(0.01);
  await page
    .getByRole('region', { name: 'Guardrails of this step' })
    .getByText('latency_ms')
    .waitFor();
  await page.getByText('All traffic back with the champion after').waitFor();
  expect(await accessibility()).toEqual([]);
  expect(problems).toEqual([]);
});

test('Data shows two versions of the flights, their distributions, and the rows in quarantine', async () => {
  const { page, problems, accessibility } = await signIn(browser, product.apiKey);
  await page.goto('/data');
  await page.getByRole('link', { name: `${flights}.flights`, exact: true }).click();
  const versions = page.getByRole('region', { name: 'Versions, newest first' });
  await versions.waitFor();
  const { body } = await product.call<{ readonly items: readonly unknown[] }>(
    'GET',
    `/datasets/${flights}.flights/versions`,
  );
  expect(body.items.length).toBeGreaterThan(1);
  await waitForCount(versions.locator('tbody tr'), body.items.length);
  await page.getByRole('tab', { name: 'Two versions' }).click();
  const distance = page.getByRole('figure').filter({ hasText: 'distance' });
  await distance.locator('svg.boxes').waitFor();
  await page.getByText('The same columns').waitFor();
  expect(await accessibility()).toEqual([]);
  await page.getByRole('tab', { name: 'Contract and quarantine' }).click();
  await page.getByRole('img', { name: /^Share of rows that broke the contract/ }).waitFor();
  await page
    .getByRole('button', { name: /^Show rows/ })
    .last()
    .click();
  const broken = page.getByRole('region', { name: 'Rows that broke the contract' });
  await broken.getByText('D942DN').first().waitFor();
  expect(await accessibility()).toEqual([]);
  expect(problems).toEqual([]);
});

test('a flight is sent to the champion, and its monitor has counted the flights of September', async () => {
  const { page, problems, accessibility } = await signIn(browser, product.apiKey);
  await page.goto(`/models/${flights}/try`);
  const flight = {
    ...{ carrier: 'MQ', origin: 'LGA', dest: 'ORD', distance: '733', weekday: '3' },
    ...{ departures_in_hour: '30', scheduled_hour: '18', scheduled_minute: '30', temp: '84' },
    ...{ dewp: '73', humid: '70', wind_speed: '12', precip: '0.1', pressure: '1008', visib: '6' },
    ...{ tailnum: 'N725MQ', scheduled_at: '2013-09-10T22:30:00Z' },
  };
  for (const [column, value] of Object.entries(flight))
    await page.getByLabel(new RegExp(`^${column} `)).fill(value);
  await page.getByRole('button', { name: 'Predict' }).click();
  const answer = page.getByRole('status').filter({ hasText: 'Answer' });
  await answer.getByRole('link', { name: `${flights}@1` }).waitFor();
  // The version computes the time on the clock, and the spread of the dew point.
  for (const feature of [/^18\.5$/, /^11$/])
    await waitForCount(answer.getByRole('definition').filter({ hasText: feature }), 1);
  expect(await accessibility()).toEqual([]);

  await page.goto('/monitoring');
  // An incident beside it may name the version too.
  const monitors = page.getByRole('region', { name: 'Monitors' });
  await monitors.getByRole('link', { name: `${flights}@1` }).click();
  await page.getByRole('heading', { name: `Monitor of ${flights}` }).waitFor();
  await page.getByText(/[1-9][\d,]* requests and [1-9][\d,]* due labels until/).waitFor();
  await page.getByRole('figure').filter({ hasText: 'carrier' }).first().waitFor();
  expect(await accessibility()).toEqual([]);
  expect(problems).toEqual([]);
});

test('Home shows the error of the champion with its interval, and the run its cost and its log', async () => {
  const { page, problems } = await signIn(browser, product.apiKey);
  const row = page.getByRole('row').filter({ hasText: sample });
  await row.getByText(/^mae/).waitFor();
  await row.filter({ hasText: /mae [\d.]+\s*[\d.]+ … [\d.]+/ }).waitFor();
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
  const dataset =
    body.items
      .map(({ name }) => name)
      .find((name) => name.startsWith(sample) && !name.includes('rows')) ?? '';
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
  await page
    .getByRole('region', { name: 'Parts of the platform' })
    .getByText('ready', { exact: true })
    .first()
    .waitFor();
  await page.getByRole('tab', { name: 'Schedules' }).click();
  const schedules = page.getByRole('region', { name: 'Schedules' });
  await schedules.getByRole('link', { name: sample }).waitFor();
  const starts = page.locator('.calendar li.card');
  await starts.first().waitFor();
  await confirm(page, 'Pause', 'the city rebuilds its stations');
  await schedules.getByText('paused', { exact: true }).waitFor();
  await waitForCount(starts, 0);
  await confirm(page, 'Resume', 'the stations are back');
  await schedules.getByText('active', { exact: true }).waitFor();
  await starts.first().waitFor();
  expect(await accessibility()).toEqual([]);
  expect(problems).toEqual([]);
});
