import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunRecord } from '../../../db/run/repository';
import { effectKey } from '../../../domain/ids';
import type { StageMapResult } from '../../../domain/project/map';
import { tenant } from '../../db/registry-fixture';
import { pause } from '../../support/process/product';
import { record } from '../../support/lifecycle-runs';
import {
  executionsIn,
  mapLifecycle,
  mapProject,
  mapStage,
  type MapParams,
} from '../../support/project/map-project';
import { openTestWorld, type TestWorld } from '../../support/project/test-world';
import { until } from '../../support/time/until';

type Squares = StageMapResult<{ readonly square: number }>;

let world: TestWorld;
let logs = 0;

beforeAll(async () => {
  world = await openTestWorld(mapProject('maps'));
});
afterAll(() => world.close());

function logFile(): string {
  logs += 1;
  return join(world.folder, `executions-${logs}`);
}

function start(params: MapParams): Promise<RunRecord> {
  return world.start(mapLifecycle, { ...params });
}

async function ended(params: MapParams): Promise<RunRecord> {
  return world.untilEnd(await start(params));
}

/** For test/replay. */
function recordRun(name: string, { workflowId }: RunRecord): Promise<void> {
  return record(`project-maps-${name}`, world.temporal.workflow.getHandle(workflowId));
}

/** The same for the child workflow of the map or of its undo. */
async function recordChild(
  name: string,
  { workflowId }: RunRecord,
  kind: 'map' | 'undo-map',
): Promise<void> {
  const { workflow } = world.temporal;
  const { runId } = await workflow.getHandle(workflowId).describe();
  const child = workflow.getHandle(`${workflowId}/${kind}/${mapStage}/${runId}`);
  await record(`project-maps-${name}`, child);
}

test('runs each item once and returns the outputs in order', async () => {
  const log = logFile();
  const run = await ended({ count: 25, log, parallel: 4 });
  expect(run).toMatchObject({ status: 'succeeded', failure: null });
  const result = await world.output<Squares>(run, mapStage);
  expect(result).toMatchObject({ total: 25, succeeded: 25, failed: 0, failures: [] });
  expect(result.outputs).toEqual(Array.from({ length: 25 }, (_, n) => ({ square: n * n })));
  expect(
    executionsIn(log)
      .map(({ n }) => n)
      .sort((a, b) => a - b),
  ).toEqual(Array.from({ length: 25 }, (_, n) => n));
});

test('a second run with equal items reuses the whole map', async () => {
  const log = logFile();
  const params = { count: 5, log };
  await ended(params);
  const again = await ended(params);
  expect(again.status).toBe('succeeded');
  expect(executionsIn(log)).toHaveLength(5);
});

test('an empty map succeeds without an item', async () => {
  const run = await ended({ count: 0, log: logFile() });
  expect(run.status).toBe('succeeded');
  expect(await world.output<Squares>(run, mapStage)).toMatchObject({ total: 0, outputs: [] });
});

test('items of more than 64 KB in all and 500 in number continue in further executions', async () => {
  const log = logFile();
  const run = await ended({ count: 1_200, log, parallel: 8, padding: 1_000 });
  expect(run).toMatchObject({ status: 'succeeded', failure: null });
  const { results, ...result } = await world.output<Squares>(run, mapStage);
  expect(result).toMatchObject({ total: 1_200, succeeded: 1_200, failed: 0 });
  const lines = Buffer.from(await world.core.artifacts.getBytes(results))
    .toString('utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  expect(lines).toEqual(
    Array.from({ length: 1_200 }, (_, index) => ({ index, output: { square: index * index } })),
  );
  expect(executionsIn(log)).toHaveLength(1_200);
  const items = await world.core.registry.events.list({
    tenant,
    runId: run.id,
    afterSeq: 0,
    limit: 1_000,
  });
  const progress = items.filter(({ kind }) => kind === 'stage.progress').map(({ data }) => data);
  expect(progress.at(-1)).toEqual({ done: 1_200, total: 1_200, failed: 0 });
});

describe('an item that fails', () => {
  test('is tried again, as its stage says', async () => {
    const log = logFile();
    const run = await ended({ count: 6, log, failingOnce: [2] });
    expect(run.status).toBe('succeeded');
    expect(executionsIn(log).filter(({ n }) => n === 2)).toHaveLength(2);
  });

  test('is returned with its position, type and message when failures are collected', async () => {
    const run = await ended({ count: 9, log: logFile(), failing: [3, 7], onFailure: 'collect' });
    expect(run.status).toBe('succeeded');
    const result = await world.output<Squares>(run, mapStage);
    expect(result).toMatchObject({ total: 9, succeeded: 7, failed: 2 });
    expect(result.failures).toEqual([
      {
        index: 3,
        type: 'StageRefused',
        message: expect.stringContaining('item 3 cannot be') as string,
      },
      {
        index: 7,
        type: 'StageRefused',
        message: expect.stringContaining('item 7 cannot be') as string,
      },
    ]);
    expect(result.outputs?.[3]).toBeNull();
    expect(result.outputs?.[4]).toEqual({ square: 16 });
  });

  test('fails the run and ends the map early by default', async () => {
    const log = logFile();
    const run = await ended({ count: 400, log, failing: [0], parallel: 2, milliseconds: 20 });
    expect(run).toMatchObject({
      status: 'failed',
      failure: { type: 'StageRefused', stage: mapStage },
    });
    expect(run.failure?.message).toContain('item 0');
    expect(executionsIn(log).length).toBeLessThan(200);
  });

  test.each([
    [['25%', [1, 4]] as const, 'succeeded'],
    [['25%', [1, 4, 5]] as const, 'failed'],
  ])('with the tolerated share and failures %j: %s', async ([tolerate, failing], status) => {
    const run = await ended({ count: 8, log: logFile(), failing, onFailure: { tolerate } });
    expect(run.status).toBe(status);
    if (status === 'failed') expect(run.failure?.message).toMatch(/3 of 8 items failed.*at most 2/);
  });
});

test('a failed run undoes the items that began, with the outputs of those that finished', async () => {
  const log = logFile();
  const run = await ended({ count: 50, log, failing: [3], parallel: 1 });
  expect(run.status).toBe('failed');
  const undone = readFileSync(`${log}.undone`, 'utf8').trim().split('\n').sort();
  expect(undone).toEqual(['0 {"square":0}', '1 {"square":1}', '2 {"square":4}', '3 null']);
  await recordRun('undone', run);
  await recordChild('items-failed', run, 'map');
  await recordChild('items-undone', run, 'undo-map');
});

test('a pause lets items in flight end and starts no new one until the run is resumed', async () => {
  const log = logFile();
  const run = await start({ count: 40, log, parallel: 2, milliseconds: 100 });
  await until(() => executionsIn(log).length >= 6);
  await world.command('pause', run);
  await until(
    async () => (await world.core.registry.runs.get({ tenant, id: run.id }))?.status === 'paused',
  );
  await pause(1_000);
  const before = executionsIn(log).length;
  await pause(1_500);
  expect(executionsIn(log)).toHaveLength(before);
  expect(before).toBeLessThan(40);
  const keys = executionsIn(log).map(({ n }) => effectKey(run.id, mapStage, 'item', 1, String(n)));
  const effects = await world.core.registry.effects.list({ tenant, keys });
  expect(effects.every(({ isDone }) => isDone)).toBe(true);
  await world.command('resume', run);
  expect((await world.untilEnd(run)).status).toBe('succeeded');
  expect(executionsIn(log)).toHaveLength(40);
  await recordChild('items-paused', run, 'map');
});

test('a cancellation ends items in flight and undoes the others', async () => {
  const log = logFile();
  const run = await start({ count: 40, log, parallel: 2, milliseconds: 400 });
  await until(() => executionsIn(log).length >= 4);
  await world.lifecycles.cancel(run.workflowId);
  expect((await world.untilEnd(run)).status).toBe('cancelled');
  const before = executionsIn(log).length;
  expect(before).toBeLessThan(40);
  await pause(1_000);
  expect(executionsIn(log)).toHaveLength(before);
  expect(existsSync(`${log}.undone`)).toBe(true);
});

test('a cancellation reaches a map that has continued in another execution', async () => {
  const log = logFile();
  const run = await start({ count: 1_000, log, parallel: 8, milliseconds: 20 });
  await until(() => executionsIn(log).length >= 520);
  await world.lifecycles.cancel(run.workflowId);
  expect((await world.untilEnd(run)).status).toBe('cancelled');
  const before = executionsIn(log).length;
  expect(before).toBeLessThan(1_000);
  await pause(1_000);
  expect(executionsIn(log)).toHaveLength(before);
});

test('a worker that stops and another that starts lose no item and repeat no finished one', async () => {
  const log = logFile();
  const run = await start({ count: 60, log, parallel: 4, milliseconds: 50 });
  await until(() => executionsIn(log).length >= 12);
  await world.stopWorkers();
  await world.startWorkers();
  expect((await world.untilEnd(run)).status).toBe('succeeded');
  const result = await world.output<Squares>(run, mapStage);
  expect(result).toMatchObject({ total: 60, succeeded: 60 });
  const times = new Map<number, number>();
  for (const { n } of executionsIn(log)) times.set(n, (times.get(n) ?? 0) + 1);
  expect(times.size).toBe(60);
  expect([...times.values()].filter((count) => count > 1).length).toBeLessThanOrEqual(4);
});
