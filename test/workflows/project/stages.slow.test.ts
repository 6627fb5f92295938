import { join } from 'node:path';
import type { RunRecord } from '../../../db/run/repository';
import { tenant } from '../../db/registry-fixture';
import { record } from '../../support/lifecycle-runs';
import { linesIn, stagePlace, stagesProject } from '../../support/project/stages-project';
import { openTestWorld, type TestWorld } from '../../support/project/test-world';
import { until } from '../../support/time/until';

let world: TestWorld;
let logs = 0;

beforeAll(async () => {
  world = await openTestWorld(stagesProject('stages'));
});
afterAll(() => world.close());

function logFile(): string {
  logs += 1;
  return join(world.folder, `executions-${logs}`);
}

async function ended(
  lifecycle: string,
  params: Readonly<Record<string, unknown>>,
): Promise<RunRecord> {
  return world.untilEnd(await world.start(lifecycle, params));
}

/** For test/replay. */
function recordRun(name: string, { workflowId }: RunRecord): Promise<void> {
  return record(`project-stages-${name}`, world.temporal.workflow.getHandle(workflowId));
}

describe('a run that fails undoes its stages', () => {
  test('newest first, each with its output', async () => {
    const log = logFile();
    const run = await ended('sequence', { log, names: ['a', 'b', 'c'] });
    expect(run).toMatchObject({ status: 'failed' });
    expect(run.failure?.message).toContain('the end of the sequence');
    expect(run.failure?.needsOperator ?? []).toEqual([]);
    expect(linesIn(log)).toEqual([
      ...['a', 'b', 'c'],
      'undo c {"noted":"c"}',
      'undo b {"noted":"b"}',
      'undo a {"noted":"a"}',
    ]);
    await recordRun('undone', run);
  });

  test('but not a stage whose output it reused from another run', async () => {
    const log = logFile();
    const first = await ended('sequence', { log, names: ['a'], end: 'done' });
    expect(first.status).toBe('succeeded');
    const second = await ended('sequence', { log, names: ['a', 'b'] });
    expect(second.status).toBe('failed');
    expect(linesIn(log)).toEqual(['a', 'b', 'undo b {"noted":"b"}']);
  });

  test('and no other run reuses the output of a stage that was undone', async () => {
    const log = logFile();
    await ended('sequence', { log, names: ['a'] });
    const second = await ended('sequence', { log, names: ['a'], end: 'done' });
    expect(second.status).toBe('succeeded');
    expect(linesIn(log)).toEqual(['a', 'undo a {"noted":"a"}', 'a']);
  });

  test('and the stage that failed, without an output', async () => {
    const log = logFile();
    const run = await ended('one', { log, before: ['a'], stage: 'throws' });
    expect(run.status).toBe('failed');
    expect(linesIn(log)).toEqual([
      ...['a', 'throws', 'throws'],
      'undo throws null',
      'undo a {"noted":"a"}',
    ]);
  });

  test('but not a stage whose input was refused', async () => {
    const log = logFile();
    const run = await ended('one', { log, stage: 'note', input: { log, name: 7 } });
    expect(run).toMatchObject({
      status: 'failed',
      failure: {
        type: 'InvalidInput',
        stage: 'note',
        message:
          'stage note: input.name does not match its schema: Invalid input: expected string, received number',
        next: 'correct the call in the lifecycle',
      },
    });
    expect(run.failure?.needsOperator ?? []).toEqual([]);
    expect(linesIn(log)).toEqual([]);
  });

  test('and records an undo that fails for an operator', async () => {
    const run = await ended('one', { log: logFile(), stage: 'undo_fails' });
    expect(run.failure).toMatchObject({
      message: `stage undo_fails (${stagePlace('it broke')}): it broke`,
      needsOperator: [
        {
          what: 'stage undo_fails',
          message: `stage undo_fails (${stagePlace('the service is gone')}): the service is gone`,
        },
      ],
    });
  });
});

describe('a stage fails the run with a clear message', () => {
  const rerun = (run: RunRecord): string =>
    `correct the stage, then perennial deploy and perennial run rerun ${run.id} --revision latest`;

  test('when it throws a text', async () => {
    const run = await ended('one', { log: logFile(), stage: 'throws_a_text' });
    expect(run).toMatchObject({
      status: 'failed',
      failure: {
        type: 'StageFailed',
        stage: 'throws_a_text',
        message: 'stage throws_a_text threw the text "a text"; throw an Error',
        next: rerun(run),
      },
    });
  });

  test('when it throws at each attempt, with the message and the line of its error', async () => {
    const run = await ended('one', { log: logFile(), stage: 'throws' });
    expect(run.failure).toMatchObject({
      type: 'StageFailed',
      message: `stage throws (${stagePlace('no column hour')}): the rows have no column hour`,
      next: rerun(run),
    });
  });

  test('when DuckDB refuses its query, with the line of the call', async () => {
    const run = await ended('one', { log: logFile(), stage: 'bad_query' });
    const start = `stage bad_query (${stagePlace('no_table')}): Catalog Error: Table with name no_table`;
    expect(run.failure?.message.slice(0, start.length)).toBe(start);
  });

  test('at the first attempt when it throws a StageError', async () => {
    const log = logFile();
    const run = await ended('one', { log, stage: 'refuses' });
    expect(run.failure).toMatchObject({
      type: 'StageRefused',
      message: `stage refuses (${stagePlace('no region north')}): there is no region north`,
      next: rerun(run),
    });
    expect(linesIn(log)).toEqual(['refuses']);
  });

  test.each([
    [
      'when its output has 5 MB',
      'large',
      'stage large: the output has 5,242,891 bytes of JSON; at most 65,536 are allowed',
      'store it with context.writeJson or context.writeTable, and return the reference',
    ],
    [
      'when its output does not match its schema',
      'mismatched',
      'stage mismatched: output.rows.1.hour does not match its schema: Invalid input: expected number, received string',
      'correct what run() of stage mismatched returns, or its output schema',
    ],
    [
      'when its output is no JSON',
      'circular',
      'stage circular: the output is not JSON',
      'return plain values, and references to artifacts',
    ],
    [
      'when it writes a file outside its folder',
      'outside',
      `stage outside: ../../secret.txt is outside the folder of the stage (${stagePlace('secret')})`,
      'use a relative path without ..',
    ],
  ])('%s', async (_, stage, message, next) => {
    const log = logFile();
    const run = await ended('one', { log, stage });
    expect(run).toMatchObject({
      status: 'failed',
      failure: { type: 'InvalidInput', stage, message, next },
    });
    // It is not executed again, and its output is not recorded.
    expect(linesIn(log).length).toBeLessThanOrEqual(1);
    const record = await world.core.registry.stages.get({ tenant, runId: run.id, stage });
    expect(record).toMatchObject({ status: 'failed', output: null });
  });
});

test('a stage that ignores a cancellation ends before it is undone, and the run says why it waits', async () => {
  const log = logFile();
  const run = await world.start('one', { log, before: ['a'], stage: 'stubborn' });
  await until(() => linesIn(log).includes('stubborn'));
  await world.lifecycles.cancel(run.workflowId);
  await until(async () => {
    const { heldUp } = await world.lifecycles.executionState(run.workflowId);
    return heldUp?.startsWith('stubborn: runProjectStage has not ended since') ?? false;
  });
  expect(await world.untilEnd(run)).toMatchObject({ status: 'cancelled' });
  expect(linesIn(log)).toEqual([
    ...['a', 'stubborn', 'stubborn ended'],
    'undo stubborn {"done":true}',
    'undo a {"noted":"a"}',
  ]);
  await recordRun('cancelled', run);
});

describe('stages that are open when the lifecycle ends', () => {
  test('end before the undo of a failed run begins, and the failure names its stage', async () => {
    const log = logFile();
    const run = await ended('together', { log, stages: ['throws', 'stubborn'] });
    expect(run).toMatchObject({ status: 'failed', failure: { stage: 'throws' } });
    const lines = linesIn(log);
    expect([...lines.slice(0, 3)].sort()).toEqual(['stubborn', 'throws', 'throws']);
    expect(lines.slice(3)).toEqual([
      'stubborn ended',
      'undo stubborn {"done":true}',
      'undo throws null',
    ]);
  });

  test('end before a run that a verdict stopped', async () => {
    const log = logFile();
    const run = await ended('together', { log, stages: ['stubborn'], asks: true });
    expect(run.status).toBe('stopped');
    expect(linesIn(log)).toEqual(['stubborn', 'stubborn ended']);
    const stage = await world.core.registry.stages.get({
      tenant,
      runId: run.id,
      stage: 'stubborn',
    });
    expect(stage).toMatchObject({
      status: 'cancelled',
      failure: { type: 'Cancelled', message: 'the lifecycle ended before the stage' },
    });
  });

  test('and branches that nothing awaits do not go on', async () => {
    const log = logFile();
    const run = await ended('floating', { log });
    expect(run).toMatchObject({ status: 'succeeded', failure: null });
    expect(linesIn(log)).toEqual(['early']);
  });
});

describe('a lifecycle fails the run with a clear message', () => {
  test('when it returns nothing', async () => {
    expect((await ended('nothing', {})).failure).toMatchObject({
      type: 'InvalidInput',
      message: 'lifecycles/nothing.ts returned nothing',
      next: 'return run.release(…), run.stopped(…), run.unchanged(…) or run.done()',
    });
  });

  test('when it calls a stage that the project does not have', async () => {
    const log = logFile();
    const run = await ended('one', { log, before: ['a'], stage: 'nota' });
    expect(run.failure).toMatchObject({
      type: 'InvalidInput',
      message: 'project stages has no stage nota; did you mean note?',
      next: 'export the stage from stages/, then perennial deploy',
    });
    expect(linesIn(log)).toEqual(['a', 'undo a {"noted":"a"}']);
  });

  test('when it calls stages for ever', async () => {
    const run = await world.untilEnd(await world.start('forever', {}), 300);
    expect(run.failure).toMatchObject({
      type: 'InvalidInput',
      message: 'lifecycles/forever.ts made more than 500 calls of stages and steps',
      next: 'end the loop of the lifecycle, or use run.map for many items',
    });
    // Its undo could call a stage.
    expect(run.failure?.needsOperator ?? []).toEqual([]);
  }, 300_000);

  test('when it computes for ever, with the place of its loop', async () => {
    const log = logFile();
    expect((await ended('busy', { log })).failure).toMatchObject({
      type: 'InvalidInput',
      message: 'lifecycles/busy.ts:7: the loops of the lifecycle made more than 1,000,000 turns',
      next: 'end the loop, or do the work in a stage',
    });
    expect(linesIn(log)).toEqual(['a', 'undo a {"noted":"a"}']);
  });

  test('when it tries a refused call for ever', async () => {
    expect((await ended('retrying', { log: logFile() })).failure?.message).toMatch(
      /^lifecycles\/retrying\.ts:5: the loops of the lifecycle made more than/,
    );
  });

  test('when it sleeps for what is no duration', async () => {
    const run = await ended('clock', { log: logFile(), sleep: 'soon' });
    expect(run.failure).toMatchObject({
      type: 'InvalidInput',
      message: 'run.sleep: the duration cannot be "soon"',
      next: 'use a duration from 0s to 365d, such as 90s, 6h or 30d',
    });
  });
});

test('the clock and the random numbers of a run stay the same when it is replayed', async () => {
  const log = logFile();
  const run = await world.start('clock', { log, sleep: '3s' });
  const status = async () => (await world.core.registry.runs.get({ tenant, id: run.id }))?.status;
  await until(async () => (await status()) === 'waiting');
  await world.stopWorkers();
  await world.startWorkers();
  const { status: end, verdict } = await world.untilEnd(run);
  await recordRun('slept', run);
  expect(end).toBe('succeeded');
  const [reason] = verdict?.reasons ?? [];
  const seen = JSON.parse(reason?.message ?? '') as {
    readonly begun: string;
    readonly ended: string;
    readonly first: number;
    readonly second: number;
  };
  expect(linesIn(log)).toEqual([String(seen.first)]);
  expect(seen.first).not.toBe(seen.second);
  for (const number of [seen.first, seen.second]) {
    expect(number).toBeGreaterThanOrEqual(0);
    expect(number).toBeLessThan(1);
  }
  expect(Date.parse(seen.ended) - Date.parse(seen.begun)).toBeGreaterThanOrEqual(3000);
  expect(Math.abs(Date.parse(seen.begun) - Date.parse(run.createdAt))).toBeLessThan(60_000);
});
