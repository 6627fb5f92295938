import { setTimeout as sleep } from 'node:timers/promises';
import { ApplicationFailure, Context } from '@temporalio/activity';
import { Client, type WorkflowHandle } from '@temporalio/client';
import { batchDefaults } from '../../../domain/batch/batch';
import type { ChunkCounts } from '../../../domain/batch/row-errors';
import { pauseUpdate, resumeUpdate, statusQuery } from '../../../workflows/run/messages';
import { buildCommand } from '../../support/commands';
import { artifact, buildPlan, type Overrides } from '../../support/fake-activities';
import { openLifecycleRuns, work, type LifecycleRuns } from '../../support/lifecycle-runs';
import { untilAnswer } from '../../support/time/until';

let runs: LifecycleRuns;
beforeAll(async () => {
  runs = await openLifecycleRuns();
});
afterAll(() => runs.close());

const chunkRows = 10;
const request = {
  ...batchDefaults,
  input: 'dataset://flight-delay.flights@latest',
  chunkRows,
  parallel: 2,
};
const input = { dataset: 'flight-delay.flights', version: 3, manifest: artifact('in'), rows: 0 };
const model = { model: 'flight-delay', version: 2, manifest: artifact('model') };
const good: ChunkCounts = {
  rows: chunkRows,
  scored: chunkRows,
  quarantined: 0,
  reasons: {},
  examples: [],
};

/** A run over `chunks` chunks, and what its activities did. */
function world(
  chunks: number,
  chunkOf: (chunk: number) => ChunkCounts | Promise<ChunkCounts> = () => good,
) {
  const scored: number[] = [];
  let running = 0;
  let maxConcurrency = 0;
  const rows = chunks * chunkRows;
  const pins = { input: { ...input, rows }, model, output: 'flight-delay.predictions' };
  const overrides: Overrides = {
    pinBatch: () => Promise.resolve(pins),
    planBatch: () =>
      Promise.resolve({ kind: 'batch.planned', pins, plan: artifact('plan'), rows, chunks }),
    async scoreBatchChunk({ chunk }) {
      running += 1;
      maxConcurrency = Math.max(maxConcurrency, running);
      try {
        const counts = await chunkOf(chunk);
        scored.push(chunk);
        return counts;
      } finally {
        running -= 1;
      }
    },
    commitBatch: () =>
      Promise.resolve({
        kind: 'batch.committed',
        dataset: pins.output,
        version: 1,
        digest: artifact('out').digest,
        counts: { ...good, chunks, rows, scored: rows },
      }),
  };
  return {
    plan: buildPlan({ request: { batch: request } }),
    overrides,
    scored,
    most: () => maxConcurrency,
  };
}

describe('a batch prediction', () => {
  test('pins versions, scores each chunk once with bounded parallelism, and commits', async () => {
    const { plan, overrides, scored, most } = world(7, () => sleep(50, good));
    const { handle, fake, end } = await runs.start(plan, overrides);
    const outcome = await end();
    await runs.record('batch-prediction', handle);
    await runs.record('batch-scoring', await findChild(handle));
    expect(outcome).toMatchObject({ status: 'succeeded', version: null });
    expect(outcome.verdict?.reasons.at(-1)?.message).toMatch(
      /^flight-delay@2 scored 70 of 70 rows of flight-delay\.flights@3 into flight-delay\.predictions@1/,
    );
    expect([...scored].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(most()).toBe(2);
    const calls = work(fake.calls).filter((call) => !/Batch(Chunk|Progress)/.test(call));
    expect(calls).toEqual([
      'openRun',
      'pinBatch',
      'planBatch',
      'commitBatch score',
      'dropBatchFiles',
      'releaseRun',
      'closeRun',
    ]);
  });

  test('keeps each history short over many chunks', async () => {
    const chunks = 1_100;
    const { plan, overrides, scored } = world(chunks);
    const batch = { ...request, parallel: 40 };
    const { handle, end } = await runs.start({ ...plan, request: { batch } }, overrides);
    expect(await end()).toMatchObject({ status: 'succeeded' });
    expect(new Set(scored).size).toBe(chunks);
    expect(scored).toHaveLength(chunks);
    const last = await findChild(handle);
    const { events: own } = await handle.fetchHistory();
    const { events: childs } = await last.fetchHistory();
    // The last of three executions: 100 chunks with about six events each.
    expect(childs?.length ?? 0).toBeLessThan(1_500);
    expect(own?.length ?? 0).toBeLessThan(150);
  }, 180_000);

  test('starts no further chunk while it is paused', async () => {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const { plan, overrides, scored } = world(6, async () => {
      await released;
      return good;
    });
    const { handle, end } = await runs.start(plan, overrides);
    await untilAnswer(
      () => handle.query(statusQuery),
      ({ stage }) => stage === 'score',
    );
    await handle.executeUpdate(pauseUpdate, {
      args: [buildCommand({ actor: 'ada', reason: 'noon' })],
    });
    const state = await untilAnswer(
      () => handle.query(statusQuery),
      ({ status }) => status === 'paused',
    );
    expect(state.waitingFor).toContain('paused by ada (noon); chunks in flight end');
    release();
    await sleep(1_500);
    expect(scored.length).toBeLessThanOrEqual(2);
    await handle.executeUpdate(resumeUpdate, { args: [buildCommand({ actor: 'ada' })] });
    expect(await end()).toMatchObject({ status: 'succeeded' });
    expect(scored).toHaveLength(6);
  });

  test('fails with examples by reason when too many rows are rejected, and is undone', async () => {
    const { plan, overrides } = world(3, (chunk) =>
      chunk === 0
        ? {
            ...good,
            scored: 9,
            quarantined: 1,
            reasons: { '`wind` is infinite': 1 },
            examples: [{ row: 4, reason: '`wind` is infinite' }],
          }
        : good,
    );
    const { fake, end } = await runs.start(plan, overrides);
    expect(await end()).toMatchObject({
      status: 'failed',
      failure: {
        type: 'DataUnreadable',
        stage: 'score',
        message: expect.stringMatching(
          /1 of \d+ rows were rejected, and at most 1 % \(0 rows\) may be: 1 × `wind` is infinite \(row 4\)/,
        ) as unknown,
        next: 'correct the rows, or raise --max-error-share',
      },
    });
    expect(fake.calls).not.toContain('commitBatch');
    expect(fake.calls.indexOf('dropBatchFiles')).toBeGreaterThan(fake.calls.indexOf('beginUndo'));
  });

  test('is paused also after its scoring has continued in another execution', async () => {
    const { plan, overrides, scored } = world(1_100, () => sleep(20, good));
    const batch = { ...request, parallel: 40 };
    const { handle, end } = await runs.start({ ...plan, request: { batch } }, overrides);
    await untilAnswer(
      () => Promise.resolve(scored.length),
      (done) => done > 600,
    );
    await handle.executeUpdate(pauseUpdate, { args: [buildCommand({ actor: 'ada' })] });
    await sleep(2_000);
    const paused = scored.length;
    await sleep(1_000);
    expect(scored.length).toBe(paused);
    expect(paused).toBeLessThan(1_100);
    await handle.executeUpdate(resumeUpdate, { args: [buildCommand({ actor: 'ada' })] });
    expect(await end()).toMatchObject({ status: 'succeeded' });
    expect(scored).toHaveLength(1_100);
  }, 60_000);

  test('is cancelled also after its scoring has continued in another execution', async () => {
    const { plan, overrides, scored } = world(1_100, () => sleep(20, good));
    const batch = { ...request, parallel: 40 };
    const { handle, fake, end } = await runs.start({ ...plan, request: { batch } }, overrides);
    await untilAnswer(
      () => Promise.resolve(scored.length),
      (done) => done > 600,
    );
    await handle.cancel();
    expect(await end()).toMatchObject({ status: 'cancelled' });
    expect(scored.length).toBeLessThan(1_100);
    expect(fake.calls).not.toContain('commitBatch score');
  }, 60_000);

  test('ends at once with the first chunk that fails', async () => {
    const { plan, overrides } = world(6);
    const startedAt = Date.now();
    const { end } = await runs.start(plan, {
      ...overrides,
      async scoreBatchChunk({ chunk }) {
        if (chunk === 1) return untilCancelled();
        await sleep(500);
        throw ApplicationFailure.nonRetryable('the graph does not fit', 'ModelUnloadable');
      },
    });
    expect(await end()).toMatchObject({ status: 'failed', failure: { type: 'ModelUnloadable' } });
    expect(Date.now() - startedAt).toBeLessThan(60_000);
  });

  test('leaves nothing when it is cancelled in the middle', async () => {
    const { plan, overrides } = world(6);
    const { handle, fake, end } = await runs.start(plan, {
      ...overrides,
      scoreBatchChunk: untilCancelled,
    });
    await untilAnswer(
      () => handle.query(statusQuery),
      ({ stage }) => stage === 'score',
    );
    await sleep(500);
    await handle.cancel();
    expect(await end()).toMatchObject({ status: 'cancelled' });
    expect(fake.calls).not.toContain('commitBatch');
    expect(fake.calls.indexOf('dropBatchFiles')).toBeGreaterThan(fake.calls.indexOf('beginUndo'));
  });
});

/** A chunk that takes a minute. A cancellation arrives with a heartbeat. */
async function untilCancelled(): Promise<ChunkCounts> {
  const context = Context.current();
  const beat = setInterval(() => context.heartbeat(), 100);
  try {
    await context.sleep(60_000);
  } finally {
    clearInterval(beat);
  }
  return good;
}

async function findChild(handle: WorkflowHandle): Promise<WorkflowHandle> {
  const { events } = await handle.fetchHistory();
  const [id] = (events ?? []).flatMap(
    (event) =>
      event.childWorkflowExecutionStartedEventAttributes?.workflowExecution?.workflowId ?? [],
  );
  if (id === undefined) throw new Error('the run started no child');
  return new Client(runs.temporal).workflow.getHandle(id);
}
