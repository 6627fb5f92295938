import { MockActivityEnvironment } from '@temporalio/testing';
import { ActivityCancellationDetails } from '@temporalio/common';
import { DefaultLogger } from '@temporalio/worker';
import { followJob } from '../../../../activities/training/compute/follow-job';
import type { CostRepository } from '../../../../db/cost/repository';
import { failure, type PerennialError } from '../../../../domain/failure';
import type { ComputeBackend, JobState, TrainerJob } from '../../../../domain/training/job';
import { fakeCosts, freeMeter } from '../../../support/cost/fake-costs';

const job: TrainerJob = {
  id: 'run_1/train/job/1',
  tenant: 'default',
  trainer: 'probe',
  params: {},
  seed: 1,
  inputs: {},
  context: {},
  resources: { cpus: 2, memoryBytes: 2 ** 30, timeoutSeconds: 600 },
};
const ran = {
  attempt: 'a',
  startedAt: '2026-11-29T10:00:00.000Z',
  endedAt: '2026-11-29T10:03:00.000Z',
};

/** A backend on which each job has this state, unless it refuses them. */
function backendWith(state: JobState, refusal?: PerennialError): ComputeBackend {
  const none = (): Promise<void> => Promise.resolve();
  return {
    kind: 'local',
    submit: ({ id, tenant }) =>
      refusal
        ? Promise.reject(refusal)
        : Promise.resolve({ backend: 'local', jobId: id, tenant, detail: {} }),
    poll: () => Promise.resolve(state),
    logs: () => Promise.resolve({ text: '', bytes: 0 }),
    times: () => Promise.resolve([ran]),
    cancel: none,
    discard: none,
    check: () => Promise.resolve({ ready: true, detail: '' }),
    close: none,
  };
}

/** Follows the job in one of three attempts to its end. */
async function follow(backend: ComputeBackend, costs: CostRepository, attempt = 1): Promise<void> {
  const environment = new MockActivityEnvironment(
    { attempt, retryPolicy: { maximumAttempts: 3 } },
    { logger: new DefaultLogger('ERROR') },
  );
  const followed = environment.run(() =>
    followJob({
      backends: { local: backend },
      kind: 'local',
      tenant: job.tenant,
      jobId: job.id,
      meter: freeMeter(job.id, costs),
      prepare: () => Promise.resolve(job),
      look: () => Promise.resolve(undefined),
      onRestart: () => Promise.resolve(),
      onCancelled: () => Promise.resolve(),
      longestPauseMs: 20,
    }),
  );
  await followed.catch(() => undefined);
}

async function settledAfter(backend: ComputeBackend, attempt: number) {
  const costs = fakeCosts();
  await follow(backend, costs, attempt);
  return costs.settled.get(job.id);
}

describe('the cost of a job that did not end well is settled', () => {
  const lost: JobState = { kind: 'failed', failure: 'JobLost', message: 'gone', logs: null };

  test('when it is lost in the last attempt, and not before', async () => {
    expect(await settledAfter(backendWith(lost), 2)).toBeUndefined();
    expect(await settledAfter(backendWith(lost), 3)).toEqual([ran]);
  });

  test('when the backend refuses it', async () => {
    const refusal = failure('InvalidInput', 'no node has 4 TiB of memory');
    expect(await settledAfter(backendWith(lost, refusal), 1)).toEqual([ran]);
  });

  test('when it cannot be submitted in the last attempt, and not before', async () => {
    const outage = failure('DigestMismatch', 'an input was damaged on its way');
    expect(await settledAfter(backendWith(lost, outage), 1)).toBeUndefined();
    expect(await settledAfter(backendWith(lost, outage), 3)).toEqual([ran]);
  });
});

test('a job that starts again with more memory reserves with that memory', async () => {
  const memoryBytes = 2 ** 30;
  const ranOut: JobState = {
    kind: 'failed',
    failure: 'JobOutOfMemory',
    message: 'its memory ran out',
    logs: null,
    memoryBytes,
  };
  const succeeded: JobState = {
    kind: 'succeeded',
    result: { metrics: {}, facts: {} },
    outputs: [],
    logs: null,
  };
  const backend = backendWith(ranOut);
  let given = 0;
  const seen: string[] = [];
  const costs: CostRepository = {
    ...fakeCosts(),
    reserve({ demand }) {
      seen.push(`reserve ${demand.resources.memoryBytes / 2 ** 30} GiB`);
      return Promise.resolve({ kind: 'reserved', limit: null });
    },
    seen({ times }) {
      seen.push(`seen ${times.map(({ attempt }) => attempt).join()}`);
      return Promise.resolve();
    },
  };
  await follow(
    {
      ...backend,
      submit(of) {
        given = of.resources.memoryBytes;
        return backend.submit(of);
      },
      poll: () => Promise.resolve(given > memoryBytes ? succeeded : ranOut),
    },
    costs,
  );
  expect(seen).toEqual(['reserve 1 GiB', 'seen a', 'reserve 2 GiB']);
});

describe('the log of a cancelled job is kept after its end', () => {
  const running: JobState = { kind: 'running', metrics: [] };

  /** The calls in order. The run is cancelled with the first look at the job. */
  async function recordCalls(state: JobState, verdict?: 'enough'): Promise<readonly string[]> {
    const calls: string[] = [];
    const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
    const backend: ComputeBackend = {
      ...backendWith(state),
      logs: () => Promise.resolve({ text: 'epoch 1\n', bytes: 8 }),
      cancel() {
        calls.push('cancel');
        return Promise.resolve();
      },
    };
    const followed = environment.run(() =>
      followJob({
        backends: { local: backend },
        kind: 'local',
        tenant: job.tenant,
        jobId: job.id,
        meter: {
          ...freeMeter(job.id),
          settle() {
            calls.push('settle');
            return Promise.resolve();
          },
        },
        prepare: () => Promise.resolve(job),
        look() {
          if (verdict === undefined)
            environment.cancel(
              'CANCELLED',
              new ActivityCancellationDetails({ cancelRequested: true }),
            );
          return Promise.resolve(verdict);
        },
        onRestart: () => Promise.resolve(),
        async onCancelled(read) {
          calls.push(`keep ${(await read(100)).text}`);
        },
        longestPauseMs: 20,
      }),
    );
    await followed.catch(() => undefined);
    return calls;
  }

  test('when the run is cancelled', async () => {
    const [first, ...others] = await recordCalls(running);
    expect(first).toBe('cancel');
    expect(others).toEqual(expect.arrayContaining(['keep epoch 1\n', 'settle']));
  });

  test('by the next attempt, if the process died after the cancellation', async () => {
    expect(await recordCalls({ kind: 'cancelled' })).toEqual(['settle', 'keep epoch 1\n']);
  });

  test('but not of a pruned trial', async () => {
    expect(await recordCalls(running, 'enough')).toEqual(['cancel', 'settle']);
  });
});

test('a worker without the backend of a job leaves it to other workers, and names the settings', async () => {
  const logger = new DefaultLogger('ERROR', () => undefined);
  const environment = new MockActivityEnvironment({ attempt: 1 }, { logger });
  const followed = environment.run(() =>
    followJob({
      backends: { local: backendWith({ kind: 'queued' }) },
      kind: 'kubernetes',
      tenant: job.tenant,
      jobId: job.id,
      meter: freeMeter(job.id, fakeCosts()),
      prepare: () => Promise.resolve(job),
      look: () => Promise.resolve(undefined),
      onRestart: () => Promise.resolve(),
      onCancelled: () => Promise.resolve(),
      longestPauseMs: 20,
    }),
  );
  await expect(followed).rejects.toMatchObject({
    // Retried: while settings are changed, the job may run already, and another worker has its backend.
    type: 'BackendUnavailable',
    message: 'this worker has no compute backend kubernetes',
    next: expect.stringMatching(
      /PERENNIAL_KUBERNETES_NAMESPACE and PERENNIAL_KUBERNETES_IMAGE.*perennial compute check kubernetes/,
    ) as string,
  });
});
