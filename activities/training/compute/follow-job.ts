import { Context } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import { formatByteSize } from '../../../domain/byte-size';
import { failure, failureTypes, isPerennialError } from '../../../domain/failure';
import { backendAdvice } from '../../../domain/training/backend-settings';
import { memoryAdvice, moreMemory } from '../../../domain/training/memory';
import type {
  ComputeBackend,
  ComputeKind,
  Job,
  JobHandle,
  JobState,
} from '../../../domain/training/job';
import type { JobMeter } from '../../cost/job-meter';
import type { ReadOutput } from './report-output';
import { retryWhileUnavailable } from '../../run/retry-while-unavailable';

export type FinalJobState = Exclude<JobState, { readonly kind: 'queued' | 'running' }>;
export type RunningJob = Extract<JobState, { readonly kind: 'running' }>;

export interface FollowJobInput {
  readonly backends: Readonly<Partial<Record<ComputeKind, ComputeBackend>>>;
  readonly kind: ComputeKind;
  readonly tenant: string;
  /** The idempotency key of the effect, by which a retry finds the job. */
  readonly jobId: string;
  /** Reserves the job's cost and settles it. */
  readonly meter: JobMeter;
  readonly prepare: () => Promise<Job>;
  /** Called for each poll of a running job, whose output it may read. `enough` cancels the job. */
  readonly look: (job: RunningJob, read: ReadOutput) => Promise<'enough' | undefined>;
  /** Called with the reason when the job starts again. */
  readonly onRestart: (reason: string) => Promise<void>;
  /**
   * Called when the job was cancelled for another reason than `enough`. May read its whole output,
   * and must not fail.
   */
  readonly onCancelled: (read: ReadOutput) => Promise<void>;
  readonly longestPauseMs: number;
}

/** How often a job that lost its machine starts again before that counts as a failure. */
const maxMachinesLost = 20;
const maxRestartPauseMs = 60_000;
const maxEnginePauseMs = 30_000;
/** A wrong address of an engine looks like one that is away. */
const submitPatienceMs = 600_000;
const beatMs = 2_000;
const minPauseMs = 20;
/** Pause between polls as a share of the job's time so far; its end is noticed that much later. */
const pauseShare = 0.05;
/** Shortest pause when the backend reports changes itself; catches changes that it misses. */
const pauseBesideNewsMs = 250;

/**
 * Submits a job and follows it to its end, with heartbeats from the first line. A retry finds the
 * job of the earlier attempt. A cancelled run ends the job. An attempt that timed out, or whose
 * worker stops, leaves the job to the next attempt.
 */
export async function followJob({
  backends,
  kind,
  tenant,
  jobId,
  meter,
  prepare,
  look,
  onRestart,
  onCancelled,
  longestPauseMs,
}: FollowJobInput): Promise<FinalJobState> {
  const context = Context.current();
  const backend = backends[kind];
  // Retried, because another worker may have it, and the job may run already.
  if (!backend)
    throw failure('BackendUnavailable', `this worker has no compute backend ${kind}`, {
      next: backendAdvice(kind),
    });
  const handle = { value: attachedTo(context, { backend: kind, jobId, tenant, detail: {} }) };
  const times = () => backend.times(handle.value);
  const read: ReadOutput = (maxBytes) => backend.logs(handle.value, maxBytes);
  // Only after its end is the output complete, and the same if another process reads it again.
  const cancelAndKeepOutput = async (): Promise<void> => {
    await backend.cancel(handle.value);
    const kept = onCancelled(read);
    try {
      await meter.settle(times);
    } finally {
      await kept;
    }
  };
  const stopBeating = beat(context, () => handle.value);
  try {
    const askWithin = <T>(maxMs: number, ask: () => Promise<T>): Promise<T> =>
      kind === 'local'
        ? retryWhileUnavailable(ask)
        : whileEngineIsAway(context, maxMs, () => retryWhileUnavailable(ask));
    const submit = async (memoryBytes?: number): Promise<JobHandle> => {
      try {
        return await Promise.race([
          askWithin(submitPatienceMs, async () => {
            const job = await prepare();
            context.cancellationSignal.throwIfAborted();
            if (memoryBytes === undefined) {
              await meter.open(job);
              return backend.submit(job);
            }
            const raisedJob = withMemory(job, memoryBytes);
            await meter.open(raisedJob, times);
            return backend.submit(raisedJob);
          }),
          context.cancelled,
        ]);
      } catch (error) {
        if (endsActivity(context, error)) await meter.settle(times);
        throw error;
      }
    };
    // The worker before may have died between a lost machine and this submission.
    const submitAgain = async (): Promise<void> => {
      const before = handle.value;
      handle.value = await submit();
      context.heartbeat(handle.value);
      if (!isPreemptible(before) || isPreemptible(handle.value)) return;
      await onRestart(
        `job ${jobId} has lost ${handle.value.detail['machinesLost']} machines, as many as ` +
          `compute.maxPreemptions allows. It now asks ${kind} for a machine that is not preemptible`,
      );
    };
    await submitAgain();
    const began = Date.now();
    let raised = '';
    let waitsFor: string | undefined;
    for (let lost = 0; ;) {
      const state = await askWithin(Infinity, () => backend.poll(handle.value));
      if (state.kind === 'queued' && state.reason !== waitsFor) {
        waitsFor = state.reason;
        context.log.info('a job waits', { job: jobId, backend: kind, reason: waitsFor });
      }
      if (state.kind === 'failed' && state.isMachineLost && lost < maxMachinesLost) {
        lost += 1;
        await onRestart(`job ${jobId} lost its machine and starts again: ${state.message}`);
        await context.sleep(Math.min(500 * 2 ** lost, maxRestartPauseMs));
        await submitAgain();
        continue;
      }
      if (state.kind === 'failed' && state.memoryBytes !== undefined) {
        const shortage = {
          resources: (await askWithin(submitPatienceMs, prepare)).resources,
          allowedBytes: state.memoryBytes,
          mostBytes: backend.mostMemoryBytes,
        };
        const more = moreMemory(shortage);
        if (more === null) {
          await meter.settle(times);
          return { ...state, message: `${state.message}. ${memoryAdvice(shortage)}` };
        }
        await onRestart(
          `job ${jobId} ${state.message}. It starts again from its last checkpoint with ` +
            formatByteSize(more),
        );
        raised = ` (after it started again with ${formatByteSize(more)} of memory)`;
        handle.value = await submit(more).catch((error: unknown) => {
          throw refusedMemory(error, { jobId, message: state.message, more });
        });
        continue;
      }
      if (state.kind !== 'queued' && state.kind !== 'running') {
        const isLost = state.kind === 'failed' && state.failure === 'JobLost';
        // The next attempt of a lost job uses what is left of the reservation.
        if (!isLost || isLastAttempt(context)) await meter.settle(times);
        // The process that cancelled it may have died before it kept the output.
        if (state.kind === 'cancelled') await onCancelled(read);
        // An engine may accept a job that no machine can run, and refuse it later.
        return state.kind === 'failed' ? { ...state, message: `${state.message}${raised}` } : state;
      }
      if (state.kind === 'running') {
        if ((await look(state, read)) === 'enough') {
          await backend.cancel(handle.value);
          await meter.settle(times);
          return { kind: 'cancelled' };
        }
        if ((await meter.look(times)) === 'spent') {
          await cancelAndKeepOutput();
          throw meter.spent();
        }
      }
      const shortest = backend.news ? pauseBesideNewsMs : minPauseMs;
      const pause = context.sleep(
        Math.min(Math.max(shortest, pauseShare * (Date.now() - began)), longestPauseMs),
      );
      await (backend.news ? Promise.race([pause, backend.news(handle.value)]) : pause);
    }
  } catch (error) {
    if (!(error instanceof CancelledFailure)) throw error;
    // After a timeout the next attempt follows the job; only a cancelled run ends it.
    if (context.cancellationDetails?.cancelRequested === true) await cancelAndKeepOutput();
    if (context.cancellationDetails?.workerShutdown === true) {
      throw failure(
        'JobLost',
        `job ${jobId}: its worker is stopping; the next attempt continues from the checkpoint`,
        { cause: error },
      );
    }
    throw error;
  } finally {
    stopBeating();
  }
}

/**
 * Asks again while an engine cannot be reached: its jobs go on meanwhile, and the attempts of the
 * activity are meant for lost jobs.
 */
async function whileEngineIsAway<T>(
  context: Context,
  maxMs: number,
  ask: () => Promise<T>,
): Promise<T> {
  const until = Date.now() + maxMs;
  for (let pauseMs = 500; ; pauseMs = Math.min(2 * pauseMs, maxEnginePauseMs)) {
    try {
      return await ask();
    } catch (error) {
      const isAway = isPerennialError(error) && error.type === 'BackendUnavailable';
      if (!isAway || Date.now() + pauseMs > until) throw error;
      context.log.warn('a compute engine cannot be reached; retrying', { reason: error.message });
      await context.sleep(pauseMs);
    }
  }
}

/** Whether no attempt of the activity follows this error. */
function endsActivity(context: Context, error: unknown): boolean {
  if (error instanceof CancelledFailure) return false;
  if (isPerennialError(error) && !failureTypes[error.type].retryable) return true;
  return isLastAttempt(context);
}

function isLastAttempt({ info: { attempt, retryPolicy } }: Context): boolean {
  return attempt >= (retryPolicy?.maximumAttempts ?? Infinity);
}

function withMemory(job: Job, memoryBytes: number): Job {
  return { ...job, resources: { ...job.resources, memoryBytes } };
}

function isPreemptible({ detail }: JobHandle): boolean {
  return detail['preemptible'] === 'true';
}

/** The engine has no machine with more memory, so the job ends as one whose memory ran out. */
function refusedMemory(
  error: unknown,
  {
    jobId,
    message,
    more,
  }: { readonly jobId: string; readonly message: string; readonly more: number },
): unknown {
  if (!isPerennialError(error) || error.type !== 'InvalidInput') return error;
  return failure(
    'JobOutOfMemory',
    `job ${jobId}: ${message}. Another attempt with ${formatByteSize(more)} was refused: ` +
      error.message,
    { cause: error, next: 'Use machines with more memory, or less data' },
  );
}

/** The handle from an earlier attempt's heartbeat, or one that finds the job by its id. */
function attachedTo(context: Context, handle: JobHandle): JobHandle {
  const last = context.info.heartbeatDetails as JobHandle | undefined;
  return last?.jobId === handle.jobId ? { ...last, tenant: handle.tenant } : handle;
}

function beat(context: Context, handle: () => JobHandle): () => void {
  context.heartbeat(handle());
  const timer = setInterval(() => context.heartbeat(handle()), beatMs);
  return () => clearInterval(timer);
}
