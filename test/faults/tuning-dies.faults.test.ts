import type { RunJson } from '../../apps/cli/run/view';
import { expectNothingLeft } from '../support/leftovers';
import { listJobPids } from '../support/process/job-processes';
import type { Product } from '../support/process/product';
import { pause, startProduct } from '../support/process/product';
import { lenientGates, writeTinyLifecycle } from '../support/tiny-lifecycle';

jest.setTimeout(300_000);

const trials = 8;

interface TrialJson {
  readonly number: number;
  readonly status: string;
  readonly params: unknown;
  readonly value: number | null;
  readonly best: boolean;
  readonly intermediate: unknown;
}

interface EventJson {
  readonly kind: string;
  readonly data: { readonly number?: number; readonly ended?: number };
}

let product: Product;
let undisturbed: readonly TrialJson[];
let count = 0;

beforeAll(async () => {
  product = await startProduct();
  const run = await begun();
  expect(await product.waitForEnd(run, 180)).toMatchObject({ status: 'succeeded', failure: null });
  undisturbed = await fetchTrials(run);
  expect(undisturbed.map(({ number }) => number)).toEqual(
    Array.from({ length: trials }, (_, number) => number),
  );
});
afterEach(() => expectNothingLeft(product));
afterAll(() => product.stop());

/** One trial at a time, so that the seed decides how each ends. */
async function begun(): Promise<string> {
  const name = `study-${++count}`;
  const folder = writeTinyLifecycle(product.workDir, {
    name,
    trainer: 'lightgbm',
    params: '{ num_iterations: 300 }',
    evaluate: lenientGates,
    rowsPerDay: 250,
    tune: `{ metric: logloss, direction: minimize, trials: ${trials}, parallel: 1, space: {
      num_leaves: { kind: int, low: 15, high: 63, log: true }, learning_rate: { kind: float, low: 0.01, high: 0.3, log: true } } }`,
  });
  await product.apply(folder);
  return (await product.start(name, { cache: false })).body.id;
}

async function fetchTrials(run: string): Promise<readonly TrialJson[]> {
  const { body } = await product.call<{ items: TrialJson[] }>('GET', `/runs/${run}/trials`);
  return body.items.map(({ number, status, params, value, best, intermediate }) => ({
    number,
    status,
    params,
    value,
    best,
    intermediate,
  }));
}

async function inTrial(run: string, number: number): Promise<void> {
  const deadline = Date.now() + 120_000;
  for (;;) {
    const found = (await fetchTrials(run).catch(() => [])).find((trial) => trial.number === number);
    if (found?.status === 'running') return pause(150);
    // A pruned trial is short, so any later one is accepted.
    if (Date.now() > deadline || found !== undefined) return;
    await pause(20);
  }
}

async function expectUndisturbed(run: string): Promise<void> {
  const ended: RunJson = await product.waitForEnd(run, 180);
  expect(ended).toMatchObject({ status: 'succeeded', failure: null });
  expect(await fetchTrials(run)).toEqual(undisturbed);
  const { body } = await product.call<string>('GET', `/runs/${run}/events`);
  const events = body
    .split('\n')
    .filter((line) => line.startsWith('data: {"seq"'))
    .map((line) => JSON.parse(line.slice(6)) as EventJson);
  const numbers = Array.from({ length: trials }, (_, number) => number);
  const of = (kind: string) =>
    events.filter((event) => event.kind === kind).map(({ data }) => data);
  expect(of('trial.started').map(({ number }) => number)).toEqual(numbers);
  expect(of('trial.ended').map(({ number, ended: so }) => [number, so])).toEqual(
    numbers.map((number) => [number, number + 1]),
  );
}

describe('a study continues, loses, repeats and double-counts no trial, and has the undisturbed result, after kill -9 of', () => {
  test.each([
    ['the worker with its jobs', 'main.ts worker'],
    ['the gateway', 'main.ts gateway'],
    ['PostgreSQL', 'bin/postgres'],
    ['the Temporal server', 'temporal server'],
    ['optuna', 'tuner/service.py'],
    ['the warm parent of jobs', 'runtime/host.py'],
  ])('%s', async (_, process) => {
    const run = await begun();
    await inTrial(run, 2);
    expect(product.kill(process).length).toBeGreaterThan(0);
    await expectUndisturbed(run);
  });

  test('the job of a trial alone', async () => {
    const run = await begun();
    await inTrial(run, 1);
    let jobs: readonly number[] = [];
    for (let wait = 0; jobs.length === 0 && wait < 500; wait += 1) {
      jobs = listJobPids('job', product);
      if (jobs.length === 0) await pause(10);
    }
    expect(jobs).toHaveLength(1);
    for (const pid of jobs) process.kill(pid, 'SIGKILL');
    await expectUndisturbed(run);
  });
});

test('a study continues after kill -9 of the process that holds the rows of its trials', async () => {
  const run = await begun();
  let zygotes: readonly number[] = [];
  for (let wait = 0; zygotes.length === 0 && wait < 1_000; wait += 1) {
    zygotes = listJobPids('zygote', product);
    if (zygotes.length === 0) await pause(10);
  }
  expect(zygotes).toHaveLength(1);
  await inTrial(run, 3);
  for (const pid of zygotes) process.kill(pid, 'SIGKILL');
  await expectUndisturbed(run);
});

test('a study that is cancelled leaves no job, no staged object and no running trial', async () => {
  const run = await begun();
  await inTrial(run, 2);
  expect((await product.call('POST', `/runs/${run}/cancel`, { body: {} })).status).toBe(202);
  expect(await product.waitForEnd(run)).toMatchObject({ status: 'cancelled' });
  expect((await fetchTrials(run)).filter(({ status }) => status === 'running')).toEqual([]);
});
