import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunRecord } from '../../../db/run/repository';
import { effectKey } from '../../../domain/ids';
import type { StageMapResult } from '../../../domain/project/map';
import { waitUntilGone } from '../../../sdk/contracts/compute-backend';
import { tenant } from '../../db/registry-fixture';
import { record } from '../../support/lifecycle-runs';
import {
  mappedStep,
  stepMapLifecycle,
  stepMapProject,
  type SquareOutput,
  type StepMapParams,
} from '../../support/project/step-map-project';
import { openTestWorld, type TestWorld } from '../../support/project/test-world';
import { pause } from '../../support/process/product';
import { until, untilAnswer } from '../../support/time/until';

jest.setTimeout(180_000);

type Squares = StageMapResult<SquareOutput>;

let world: TestWorld;

beforeAll(async () => {
  world = await openTestWorld(stepMapProject('step-maps'), ['compute']);
});
afterAll(() => world.close());

let seed = 0;
function start(params: StepMapParams): Promise<RunRecord> {
  seed += 1;
  return world.start(stepMapLifecycle, { seed, ...params });
}

async function ended(params: StepMapParams): Promise<RunRecord> {
  return world.untilEnd(await start(params), 150);
}

interface JournaledItem {
  readonly n: number;
  readonly result: { readonly output?: SquareOutput };
}

/** The items that have ended, as the journal has them. */
async function endedItems({ id }: RunRecord, count: number): Promise<readonly JournaledItem[]> {
  const keys = Array.from({ length: count }, (_, n) =>
    effectKey(id, mappedStep, 'item', 1, String(n)),
  );
  const effects = await world.core.registry.effects.list({ tenant, keys });
  return effects
    .filter(({ isDone }) => isDone)
    .map(({ key, result }) => ({
      n: keys.indexOf(key),
      result: result as JournaledItem['result'],
    }));
}

/** The process ids of the jobs of this world that have begun and not been removed. */
function jobPids(): readonly number[] {
  const jobs = join(world.folder, 'state', 'compute');
  return readdirSync(jobs).flatMap((name) => {
    const path = join(jobs, name, 'process.json');
    return existsSync(path)
      ? [(JSON.parse(readFileSync(path, 'utf8')) as { readonly pid: number }).pid]
      : [];
  });
}

test('runs the step once for each item and returns the outputs in order, with their logs', async () => {
  const run = await ended({ count: 12, parallel: 4 });
  expect(run).toMatchObject({ status: 'succeeded', failure: null });
  const { results, outputs, ...counts } = await world.output<Squares>(run, mappedStep);
  expect(counts).toEqual({ total: 12, succeeded: 12, failed: 0, failures: [] });
  expect(outputs?.map((output) => output?.square)).toEqual(
    Array.from({ length: 12 }, (_, n) => n * n),
  );
  const [line = ''] = Buffer.from(await world.core.artifacts.getBytes(results))
    .toString('utf8')
    .split('\n');
  const first = JSON.parse(line) as { readonly logs: Parameters<typeof readLog>[0] };
  expect(first).toMatchObject({ index: 0, output: outputs?.[0] });
  expect(await readLog(first.logs)).toMatch(/squares.*"n": 0/);
  expect(jobPids()).toEqual([]);
  const { workflow } = world.temporal;
  const handle = workflow.getHandle(run.workflowId);
  await record('project-step-maps-succeeded', handle);
  const { runId } = await handle.describe();
  const items = workflow.getHandle(`${run.workflowId}/map/${mappedStep}/${runId}`);
  await record('project-step-maps-items', items);
});

async function readLog(ref: Parameters<typeof world.core.artifacts.getBytes>[0]): Promise<string> {
  return Buffer.from(await world.core.artifacts.getBytes(ref)).toString('utf8');
}

test('a second run with equal items reuses the whole map', async () => {
  const params = { count: 3, seed: 1_000 };
  const first = await ended(params);
  const again = await ended(params);
  const [stage] = await world.core.registry.stages.list({ tenant, runId: again.id });
  expect(stage).toMatchObject({ stage: mappedStep, reusedFrom: first.id });
});

describe('an item that fails', () => {
  const message = expect.stringMatching(
    /^step square: steps\/square\.py.*raised ValueError at steps\/square\.py:21/,
  ) as string;

  test('is returned with its position and the line of the step when failures are collected', async () => {
    const run = await ended({ count: 6, failing: [2], onFailure: 'collect' });
    expect(run.status).toBe('succeeded');
    const result = await world.output<Squares>(run, mappedStep);
    expect(result).toMatchObject({
      total: 6,
      succeeded: 5,
      failed: 1,
      failures: [{ index: 2, type: 'JobFailed', message }],
    });
    expect(result.outputs?.[2]).toBeNull();
    expect(result.outputs?.[3]).toMatchObject({ square: 9 });
  });

  test('fails the run and ends the map early by default', async () => {
    const run = await ended({ count: 100, failing: [0], parallel: 2 });
    expect(run).toMatchObject({
      status: 'failed',
      failure: { type: 'JobFailed', stage: mappedStep },
    });
    expect(run.failure?.message).toMatch(
      /^map square, item 0: step square: steps\/square\.py.*raised ValueError at steps\/square\.py:21/,
    );
    expect((await endedItems(run, 100)).length).toBeLessThan(50);
  });
});

test('a cancellation ends the processes of the items in flight', async () => {
  const run = await start({ count: 40, parallel: 2, seconds: 60 });
  await until(() => jobPids().length >= 1);
  const pids = jobPids();
  await world.lifecycles.cancel(run.workflowId);
  expect((await world.untilEnd(run)).status).toBe('cancelled');
  await waitUntilGone(pids);
  expect(jobPids()).toEqual([]);
});

test('a pause lets items in flight end and starts no new one until the run is resumed', async () => {
  const count = 12;
  const run = await start({ count, parallel: 2, seconds: 0.5 });
  await until(async () => (await endedItems(run, count)).length >= 2);
  await world.command('pause', run);
  await untilAnswer(
    () => world.core.registry.runs.get({ tenant, id: run.id }),
    (now) => now?.status === 'paused',
  );
  await pause(1_000);
  await until(() => jobPids().length === 0);
  const before = (await endedItems(run, count)).length;
  expect(before).toBeLessThan(count);
  await pause(1_500);
  expect(await endedItems(run, count)).toHaveLength(before);
  await world.command('resume', run);
  expect((await world.untilEnd(run)).status).toBe('succeeded');
});

test('a worker that stops and another that starts lose no item and repeat no finished one', async () => {
  const count = 16;
  const run = await start({ count, parallel: 4, seconds: 0.5 });
  await until(async () => (await endedItems(run, count)).length >= 4);
  await world.stopWorkers();
  const before = await endedItems(run, count);
  expect(before.length).toBeLessThan(count);
  await world.startWorkers();
  expect((await world.untilEnd(run)).status).toBe('succeeded');
  const { total, succeeded, outputs } = await world.output<Squares>(run, mappedStep);
  expect({ total, succeeded }).toEqual({ total: count, succeeded: count });
  for (const { n, result } of before) expect(outputs?.[n]).toEqual(result.output);
});
