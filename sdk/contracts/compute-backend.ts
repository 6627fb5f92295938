import { existsSync } from 'node:fs';
import type { Tenant } from '../../domain/ids';
import type { ArtifactRef } from '../../domain/artifact';
import type {
  ComputeBackend,
  Job,
  JobHandle,
  JobState,
  TrainerJob,
} from '../../domain/training/job';
import type { JobKeeper } from '../../activities/run/release';
import type { ArtifactStore } from '../../data/artifact/store';

export interface ComputeUnderTest {
  readonly backend: ComputeBackend & JobKeeper;
  readonly artifacts: Pick<ArtifactStore, 'getBytes'>;
  /** Training rows with the columns of `features`. */
  readonly rows: ArtifactRef;
  readonly features: readonly { readonly name: string; readonly type: 'float' | 'string' }[];
}

const mebibyte = 2 ** 20;
let jobs = 0;

/**
 * What every compute backend promises. The trainers `probe` and `shell` of
 * sdk/contracts/trainers must be among its trainers.
 */
export function testComputeBackend(name: string, open: () => Promise<ComputeUnderTest>): void {
  describe(`compute backend ${name}`, () => {
    let given: ComputeUnderTest;
    beforeAll(async () => {
      given = await open();
    }, 120_000);

    function probe(
      behaviour: string,
      more: Partial<TrainerJob> & { readonly params?: Readonly<Record<string, unknown>> } = {},
    ): TrainerJob {
      jobs += 1;
      return {
        id: `run_contract/train/job/${process.pid}-${jobs}`,
        tenant: 'default',
        trainer: 'probe',
        seed: 1,
        inputs: { train: [given.rows] },
        context: { task: 'classification', label: '__label', features: given.features },
        resources: { cpus: 1, memoryBytes: 1024 * mebibyte, timeoutSeconds: 60 },
        ...more,
        params: { behaviour, ...more.params },
      };
    }

    const finish = async (job: Job) => waitForEnd(given.backend, await given.backend.submit(job));
    const text = async (ref: ArtifactRef | null) =>
      ref === null ? '' : Buffer.from(await given.artifacts.getBytes(ref)).toString();

    test('is ready', async () => {
      expect(await given.backend.check()).toMatchObject({ ready: true });
    });

    test('returns result, outputs and logs of a successful job', async () => {
      const state = await finish(probe('learn'));
      if (state.kind !== 'succeeded') throw new Error(JSON.stringify(state));
      expect(state.result.metrics).toEqual({ loss: 1 / 3 });
      expect(state.result.facts).toMatchObject({ ownSteps: 3, parity: { share: 1 } });
      expect(state.outputs.map(({ name }) => name)).toEqual(['model.onnx']);
      expect(state.outputs[0]?.artifact.bytes).toBeGreaterThan(100);
      expect(await text(state.logs)).toContain('training starts');
    });

    test('stores the log of a failed job with keepLog: whenFailed', async () => {
      const [learnt, crashed] = [
        await finish(probe('learn', { keepLog: 'whenFailed' })),
        await finish(probe('crash', { keepLog: 'whenFailed' })),
      ];
      expect(learnt).toMatchObject({ kind: 'succeeded', logs: null });
      if (crashed.kind !== 'failed') throw new Error(crashed.kind);
      expect(await text(crashed.logs)).toContain('Traceback');
    });

    test('returns the same state on a second poll', async () => {
      const handle = await given.backend.submit(probe('learn'));
      expect(await waitForEnd(given.backend, handle)).toEqual(await given.backend.poll(handle));
    });

    test('shows metrics while the job runs', async () => {
      const handle = await given.backend.submit(
        probe('learn', { params: { steps: 100, step_seconds: 0.05 } }),
      );
      const metrics = await runningUntil(
        given.backend,
        handle,
        (seen) => seen.filter(({ name }) => name === 'loss').length >= 3,
      );
      expect(metrics.filter(({ name }) => name === 'loss').slice(0, 3)).toEqual([
        { step: 1, name: 'loss', value: 1 },
        { step: 2, name: 'loss', value: 1 / 2 },
        { step: 3, name: 'loss', value: 1 / 3 },
      ]);
      await given.backend.cancel(handle);
    });

    test('runs a program that is not Python under the same job contract', async () => {
      const state = await finish(probe('learn', { trainer: 'shell' }));
      expect(state).toMatchObject({
        kind: 'succeeded',
        result: { metrics: { loss: 0.5 } },
        outputs: [{ name: 'model.onnx' }],
      });
    });

    test.each([
      [
        'an exception, by its type and place',
        'crash',
        'JobFailed',
        /^ValueError in train\.py, line \d+ \(crash\)$/,
      ],
      ['a refusal, with its message only', 'refuse', 'JobFailed', /^the label is always true$/],
      [
        'exit 0 without a result',
        'silent',
        'JobWithoutResult',
        /exit code 0 but wrote no result\.json/,
      ],
      ['a metric that is no number', 'nan', 'JobFailed', /loss became nan at step 7/],
    ])('reports %s', async (_, behaviour, kind, message) => {
      const state = await finish(probe(behaviour));
      expect(state).toMatchObject({ kind: 'failed', failure: kind });
      if (state.kind !== 'failed') return;
      expect(state.message).toMatch(message);
      expect(state.logs).not.toBeNull();
    });

    test('rejects invalid parameters and lists all of them', async () => {
      const state = await finish(probe('learn', { params: { steps: 0, stepps: 1 } }));
      expect(state).toMatchObject({ kind: 'failed', failure: 'JobFailed' });
      expect(JSON.stringify(state)).toMatch(
        /stepps.*\/params\/steps: 0 is less than the minimum of 1/,
      );
    });

    test('keeps printed and raised text, which may quote data, in the log only (I11)', async () => {
      const [crashed, printed] = [await finish(probe('crash')), await finish(probe('secret'))];
      if (crashed.kind !== 'failed' || printed.kind !== 'failed')
        throw new Error(`${crashed.kind}, ${printed.kind}`);
      expect(crashed.message).not.toContain('cliff');
      expect(await text(crashed.logs)).toMatch(
        /Traceback[\s\S]*in crash[\s\S]*ValueError: the learning rate fell off a cliff/,
      );
      expect(printed.message).toBe('ended with exit code 3');
    });

    test('masks secrets in logs', async () => {
      const state = await finish(probe('secret'));
      if (state.kind !== 'failed') throw new Error(state.kind);
      const logs = await text(state.logs);
      expect(logs).toContain('postgres://***@db/registry');
      expect(logs).not.toMatch(/hunter2|abc123def/);
    });

    test('ends a hanging job and its processes at the time limit', async () => {
      const handle = await given.backend.submit(
        // Long enough to start on a busy machine.
        probe('hang', { resources: { cpus: 1, memoryBytes: 1024 * mebibyte, timeoutSeconds: 8 } }),
      );
      const metrics = await runningUntil(given.backend, handle, (seen) => seen.length === 2);
      const state = await waitForEnd(given.backend, handle);
      expect(state).toMatchObject({ kind: 'failed', failure: 'JobTimeout' });
      expect((state as { message: string }).message).toMatch(
        /ran for 8(\.\d+)? s; compute\.timeout allows 8 s/,
      );
      await waitUntilGone(metrics.map(({ value }) => value));
    });

    test('ends a job that exceeds its memory', async () => {
      const limit = 400 * mebibyte;
      const handle = await given.backend.submit(
        probe('hog', { resources: { cpus: 1, memoryBytes: limit, timeoutSeconds: 60 } }),
      );
      const state = await waitForEnd(given.backend, handle);
      expect(state).toMatchObject({ kind: 'failed', failure: 'JobOutOfMemory' });
      const used = Number(
        /used (\d+)MiB of memory; this attempt had 400MiB/.exec(
          (state as { message: string }).message,
        )?.[1],
      );
      expect(used).toBeGreaterThan(400);
      expect(used).toBeLessThan(1200);
    });

    test('starts a job whose memory ran out again with more, from its checkpoint', async () => {
      const resources = { cpus: 1, memoryBytes: 400 * mebibyte, timeoutSeconds: 60 };
      const params = { steps: 20, step_seconds: 0.3, hold_mebibytes: 450 };
      const job = probe('learn', { params, resources });
      const shortage = { kind: 'failed', failure: 'JobOutOfMemory', memoryBytes: 400 * mebibyte };
      expect(await finish(job)).toMatchObject(shortage);
      expect(await finish(job)).toMatchObject(shortage);
      const more = { ...job, resources: { ...resources, memoryBytes: 800 * mebibyte } };
      const state = await finish(more);
      if (state.kind !== 'succeeded') throw new Error(JSON.stringify(state));
      expect(state.result.facts['ownSteps']).toBeLessThan(20);
      // A retry of the caller asks for what it asked for first.
      expect(await finish(job)).toEqual(state);
    });

    test('keeps the end of a very long log', async () => {
      const state = await finish(probe('chatter'));
      expect(state).toMatchObject({ kind: 'failed', failure: 'JobFailed' });
      if (state.kind !== 'failed' || state.logs === null) return;
      expect(state.logs.bytes).toBeLessThan(10 * mebibyte);
      expect(await text(state.logs)).toMatch(/the last word\s*$/);
    });

    test('cancels a running job and everything it started, and keeps its log', async () => {
      const handle = await given.backend.submit(probe('hang'));
      const metrics = await runningUntil(given.backend, handle, (seen) => seen.length === 2);
      await given.backend.cancel(handle);
      expect(await given.backend.poll(handle)).toEqual({ kind: 'cancelled' });
      await waitUntilGone(metrics.map(({ value }) => value));
      await given.backend.cancel(handle);
      expect((await given.backend.logs(handle, 10_000)).text).toContain('training starts');
    });

    test('cancels a waiting job, an ended job and an unknown job', async () => {
      const running = await Promise.all(
        [1, 2, 3, 4].map(async () =>
          given.backend.submit(probe('learn', { params: { steps: 200, step_seconds: 0.05 } })),
        ),
      );
      for (const handle of running) await given.backend.cancel(handle);
      for (const handle of running)
        expect(await given.backend.poll(handle)).toEqual({ kind: 'cancelled' });
      const over = await given.backend.submit(probe('learn'));
      const state = await waitForEnd(given.backend, over);
      await given.backend.cancel(over);
      expect(await given.backend.poll(over)).toEqual(state);
      await given.backend.cancel({
        backend: given.backend.kind,
        jobId: 'run_none/train/job/1',
        tenant: 'default',
        detail: {},
      });
    });

    test('finds the first job when its id is submitted again, at once or later', async () => {
      const job = probe('learn', { params: { steps: 5, step_seconds: 0.05 } });
      const handles = await Promise.all([
        given.backend.submit(job),
        given.backend.submit(job),
        given.backend.submit({ ...job, traceId: 'other' }),
      ]);
      const [first, second, third] = await Promise.all(
        handles.map((handle) => waitForEnd(given.backend, handle)),
      );
      expect(second).toEqual(first);
      expect(third).toEqual(first);
      expect(await finish(job)).toEqual(first);
      expect(first).toMatchObject({ kind: 'succeeded', result: { facts: { ownSteps: 5 } } });
    });

    test('rejects another job with a known id', async () => {
      const job = probe('learn');
      await given.backend.submit(job);
      await expect(given.backend.submit({ ...job, seed: 2 })).rejects.toMatchObject({
        type: 'Conflict',
      });
    });

    test('reports a killed job as lost, and continues from its checkpoint on resubmission', async () => {
      const job = probe('learn', { params: { steps: 40, step_seconds: 0.05 } });
      const handle = await given.backend.submit(job);
      const metrics = await runningUntil(given.backend, handle, (seen) =>
        seen.some(({ name, step }) => name === 'loss' && step >= 5),
      );
      process.kill(metrics.find(({ name }) => name === 'pid')?.value ?? -1, 'SIGKILL');
      expect(await waitForEnd(given.backend, handle)).toMatchObject({
        kind: 'failed',
        failure: 'JobLost',
      });
      const state = await finish(job);
      if (state.kind !== 'succeeded') throw new Error(JSON.stringify(state));
      expect(state.result.facts['ownSteps']).toBeLessThanOrEqual(36);
      expect(state.result.metrics).toEqual({ loss: 1 / 40 });
    });

    test('removes the jobs of a run on cleanup', async () => {
      const handle = await given.backend.submit(
        probe('learn', {
          id: `run_forgotten/train/job/${process.pid}`,
          params: { steps: 200, step_seconds: 0.05 },
        }),
      );
      const metrics = await runningUntil(given.backend, handle, (seen) => seen.length > 0);
      await given.backend.cleanup('run_forgotten/', 'default' as Tenant);
      await waitUntilGone(metrics.filter(({ name }) => name === 'pid').map(({ value }) => value));
      expect(await given.backend.poll(handle)).toMatchObject({
        kind: 'failed',
        failure: 'JobLost',
      });
      const { directory } = handle.detail;
      if (directory) expect(existsSync(directory)).toBe(false);
      await given.backend.cleanup('run_forgotten/', 'default' as Tenant);
    });

    test('discards an ended job, and leaves one that still runs', async () => {
      const over = await given.backend.submit(probe('learn'));
      await waitForEnd(given.backend, over);
      await given.backend.discard(over);
      expect(await given.backend.poll(over)).toMatchObject({ failure: 'JobLost' });
      const { directory } = over.detail;
      if (directory) expect(existsSync(directory)).toBe(false);
      await given.backend.discard(over);

      const running = await given.backend.submit(probe('hang'));
      await runningUntil(given.backend, running, (seen) => seen.length === 2);
      await given.backend.discard(running);
      expect(await given.backend.poll(running)).toMatchObject({ kind: 'running' });
      await given.backend.cancel(running);
    });

    test('tells when each attempt had its resources', async () => {
      const before = Date.now();
      const handle = await given.backend.submit(
        probe('learn', { params: { steps: 20, step_seconds: 0.05 } }),
      );
      await waitForEnd(given.backend, handle);
      const times = await given.backend.times(handle);
      const [first] = times;
      if (!first?.endedAt) throw new Error(JSON.stringify(times));
      expect(times).toHaveLength(1);
      const [start, end] = [Date.parse(first.startedAt), Date.parse(first.endedAt)];
      // Engines may count whole seconds.
      expect(start).toBeGreaterThanOrEqual(before - 1_000);
      expect(end).toBeLessThanOrEqual(Date.now() + 1_000);
      expect(end - start).toBeGreaterThanOrEqual(1_000);
      expect(await given.backend.times(handle)).toEqual(times);
    });

    test('tells when a cancelled attempt ended', async () => {
      const handle = await given.backend.submit(probe('hang'));
      await runningUntil(given.backend, handle, (seen) => seen.length === 2);
      expect(await given.backend.times(handle)).toMatchObject([{ endedAt: null }]);
      await given.backend.cancel(handle);
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect(await given.backend.times(handle)).toMatchObject([
        { endedAt: expect.any(String) as string },
      ]);
    });

    test('knows no attempts of a job that does not exist', async () => {
      const handle = {
        backend: given.backend.kind,
        jobId: 'run_contract/no/job',
        tenant: 'default',
      };
      expect(await given.backend.times({ ...handle, detail: {} })).toEqual([]);
    });

    test('returns the last lines of the log', async () => {
      const handle = await given.backend.submit(probe('crash'));
      await waitForEnd(given.backend, handle);
      const log = (await given.backend.logs(handle, 200)).text;
      expect(log).toContain('ValueError');
      expect(log.length).toBeLessThanOrEqual(200);
    });

    test('knows the size of the log, and cuts it at the start of a line', async () => {
      const handle = await given.backend.submit(probe('crash'));
      await waitForEnd(given.backend, handle);
      const whole = await given.backend.logs(handle, 100_000);
      expect(whole.bytes).toBe(Buffer.byteLength(whole.text));
      const end = await given.backend.logs(handle, 200);
      expect(end.bytes).toBe(whole.bytes);
      expect(whole.text.endsWith(`\n${end.text}`)).toBe(true);
    });
  });
}

export async function waitForEnd(backend: ComputeBackend, handle: JobHandle): Promise<JobState> {
  for (let wait = 0; wait < 1200; wait += 1) {
    const state = await backend.poll(handle);
    if (state.kind !== 'queued' && state.kind !== 'running') return state;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`job ${handle.jobId} did not end`);
}

type Metrics = Extract<JobState, { kind: 'running' }>['metrics'];

export async function runningUntil(
  backend: ComputeBackend,
  handle: JobHandle,
  enough: (metrics: Metrics) => boolean,
): Promise<Metrics> {
  for (let wait = 0; wait < 1200; wait += 1) {
    const state = await backend.poll(handle);
    if (state.kind === 'running' && enough(state.metrics)) return state.metrics;
    if (state.kind !== 'queued' && state.kind !== 'running')
      throw new Error(`ended too early: ${JSON.stringify(state)}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`job ${handle.jobId} did not report`);
}

/** Killed processes are gone a moment later, not at once. */
export async function waitUntilGone(pids: readonly number[]): Promise<void> {
  for (let wait = 0; wait < 200 && pids.some(isThere); wait += 1)
    await new Promise((resolve) => setTimeout(resolve, 25));
  expect(pids.filter(isThere)).toEqual([]);
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
