import { Context } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import { failure } from '../../../domain/failure';
import type {
  ComputeBackend,
  ComputeKind,
  Job,
  JobHandle,
  JobState,
} from '../../../domain/training/job';
import { outlast } from '../../run/outlast';

export type EndedJob = Exclude<JobState, { readonly kind: 'queued' | 'running' }>;
export type RunningJob = Extract<JobState, { readonly kind: 'running' }>;

export interface Following {
  readonly backends: Readonly<Partial<Record<ComputeKind, ComputeBackend>>>;
  readonly kind: ComputeKind;
  /** The key of the effect: by it a further attempt finds the job of the first. */
  readonly jobId: string;
  readonly prepare: () => Promise<Job>;
  /** At each look at a running job. `enough` ends it: the answer is then `cancelled`. */
  readonly look: (job: RunningJob) => Promise<'enough' | undefined>;
  readonly longestPauseMs: number;
}

const beatMs = 2_000;
const shortestPauseMs = 20;
/**
 * Of what a job has taken so far: as much later may its end be seen, where the backend does not say
 * that there is news. A look costs a millisecond.
 */
const pauseShare = 0.05;
/** Where it does, this is for what it does not see. */
const pauseBesideNewsMs = 250;

/**
 * Submits a job and follows it to its end, showing life from the first line. A further attempt
 * finds the job of the one before, whether it waits, runs or is over. A run that is cancelled ends
 * its job; an attempt that timed out, or whose worker stops, leaves it to the attempt that follows.
 */
export async function followJob({
  backends,
  kind,
  jobId,
  prepare,
  look,
  longestPauseMs,
}: Following): Promise<EndedJob> {
  const context = Context.current();
  const backend = backends[kind];
  if (!backend) throw failure('NotInThisVersion', `compute backend ${kind} is not in this version`);
  const handle = { value: attachedTo(context, kind, jobId) };
  const stopBeating = beat(context, () => handle.value);
  try {
    handle.value = await Promise.race([
      outlast(async () => backend.submit(await prepare())),
      context.cancelled,
    ]);
    context.heartbeat(handle.value);
    const began = Date.now();
    for (;;) {
      const state = await outlast(() => backend.poll(handle.value));
      if (state.kind !== 'queued' && state.kind !== 'running') return state;
      if (state.kind === 'running' && (await look(state)) === 'enough') {
        await backend.cancel(handle.value);
        return { kind: 'cancelled' };
      }
      const shortest = backend.news ? pauseBesideNewsMs : shortestPauseMs;
      const pause = context.sleep(
        Math.min(Math.max(shortest, pauseShare * (Date.now() - began)), longestPauseMs),
      );
      await (backend.news ? Promise.race([pause, backend.news(handle.value)]) : pause);
    }
  } catch (error) {
    if (!(error instanceof CancelledFailure)) throw error;
    // An attempt that timed out leaves the job to the one that follows; only the run ends it.
    if (context.cancellationDetails?.cancelRequested === true) await backend.cancel(handle.value);
    if (context.cancellationDetails?.workerShutdown === true) {
      throw failure(
        'JobLost',
        `job ${jobId}: its worker is stopping; the next attempt goes on from the checkpoint`,
        { cause: error },
      );
    }
    throw error;
  } finally {
    stopBeating();
  }
}

/**
 * The job's place, from the heartbeat of an attempt that died; else enough to find it by its id.
 */
function attachedTo(context: Context, backend: ComputeKind, jobId: string): JobHandle {
  const last = context.info.heartbeatDetails as JobHandle | undefined;
  return last?.jobId === jobId ? last : { backend, jobId, detail: {} };
}

function beat(context: Context, handle: () => JobHandle): () => void {
  context.heartbeat(handle());
  const timer = setInterval(() => context.heartbeat(handle()), beatMs);
  return () => clearInterval(timer);
}
