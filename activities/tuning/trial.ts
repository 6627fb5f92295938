import { Context } from '@temporalio/activity';
import { figure } from '../../domain/format';
import type { Registry } from '../../db/registry';
import type { TrialRef } from '../../db/tuning/repository';
import type { ArtifactStore } from '../../data/artifact/store';
import type { ArtifactRef } from '../../domain/artifact';
import type { TrainingSet } from '../../domain/training/assembled';
import type { ComputePrices } from '../../domain/cost/price';
import { failure, isPerennialError, type FailureType } from '../../domain/failure';
import type { ComputeBackend, ComputeKind, TrainerJob } from '../../domain/training/job';
import type { TrialEnd, TrialParams, TrialStep } from '../../domain/tuning/tuning';
import { listObjectives } from '../../domain/tuning/objectives';
import { listRungs } from '../../domain/tuning/pruning';
import { busySeconds, cappedReason, valuesAtRungs } from '../../domain/tuning/tuning';
import type { FinalJobState, RunningJob } from '../training/compute/follow-job';
import { openJobMeter } from '../cost/job-meter';
import { followJob } from '../training/compute/follow-job';
import { cancelledLogKeeper, keepLogs } from '../training/compute/keep-logs';
import { restartRecorder } from '../training/compute/record-restart';
import { retryWhileUnavailable } from '../run/retry-while-unavailable';
import type { TrainModelInput } from '../training/train';
import type { TrainerEnvironmentDeps } from '../training/environment';
import { trainerEnvironment } from '../training/environment';
import { trainingJob } from '../training/train';
import type { StudyPlan } from './tuning';
import { buildStudyQuestion } from './tuning';
import type { Optuna } from './optuna';
import type { ReadTrials } from './study-trials';

export interface TrialDeps extends TrainerEnvironmentDeps {
  readonly backends: Readonly<Partial<Record<ComputeKind, ComputeBackend>>>;
  readonly artifacts: Pick<ArtifactStore, 'getJson' | 'putBytes'>;
  readonly registry: Pick<Registry, 'trials' | 'events' | 'artifacts' | 'costs'>;
  readonly prices: ComputePrices;
  readonly optuna: Optuna;
}

export type TrialInput = TrainModelInput &
  StudyPlan &
  Pick<TrialRef, 'study' | 'number'> & { readonly params: TrialParams };

/** Short, because a trial may take a second and pruning saves time only if noticed early. */
const maxPauseMs = 250;
const maxReasonCharacters = 1_000;
/** Factor on the longest job of the run so far, since larger parameters may take longer. */
const finalTrainingShare = 1.5;
const leastFinalSeconds = 60;

/**
 * Runs one trial as one job, and ends it early when the pruner or the budget requires it. Records
 * the values for pruning; the caller records the end. A retry finds the job by its key. A failure
 * of the trial itself (parameters, memory, time) is returned; a lost job is thrown and retried.
 */
export async function runTrialJob(
  deps: TrialDeps,
  readTrials: ReadTrials,
  input: TrialInput,
): Promise<TrialEnd> {
  const { backends, artifacts, registry } = deps;
  const watch = openWatch({ ...deps, readTrials }, input);
  try {
    const ended = await followJob({
      backends,
      kind: input.train.compute.backend,
      tenant: input.tenant,
      jobId: input.key,
      meter: openJobMeter(deps, {
        ...input,
        jobId: input.key,
        backend: input.train.compute.backend,
        keepSeconds: await secondsOfFinalTraining(registry.costs, input),
      }),
      prepare: async () => ({
        ...trialJob(input, await readTrainingSet(artifacts, input.assembled)),
        ...(await trainerEnvironment(deps, {
          tenant: input.tenant,
          trainer: input.train.trainer,
        })),
      }),
      look: (job) => watch.look(job),
      onRestart: restartRecorder(registry, input),
      onCancelled: cancelledLogKeeper(deps, input),
      longestPauseMs: maxPauseMs,
    });
    if (ended.kind === 'failed' && ended.logs && ended.failure !== 'JobLost')
      await keepLogs(registry, input, ended.logs);
    return await toTrialEnd(input, ended, watch);
  } catch (error) {
    if (isPerennialError(error) && trialsOwn.includes(error.type)) return toFailed(error.message);
    // `budgetReason` finds this end, and no further trial starts.
    if (isPerennialError(error) && error.type === 'BudgetSpent') {
      const { value } = await watch.verdict();
      const reason = cappedReason(error.message).slice(0, maxReasonCharacters);
      return { status: 'pruned', value, reason };
    }
    throw error;
  }
}

/** The best trial is trained again at the end, so trials leave room for that. */
async function secondsOfFinalTraining(
  costs: Pick<Registry['costs'], 'longestJob'>,
  input: TrialInput,
): Promise<number> {
  const { timeoutSeconds } = input.train.compute;
  const longest = await retryWhileUnavailable(() => costs.longestJob(input));
  return Math.min(timeoutSeconds, Math.max(leastFinalSeconds, finalTrainingShare * longest));
}

const newest = new WeakMap<object, { readonly digest: string; readonly value: TrainingSet }>();

/** Keeps the newest value of a store, because all trials of a study read the same artifact. */
async function readTrainingSet(
  artifacts: TrialDeps['artifacts'],
  ref: ArtifactRef,
): Promise<TrainingSet> {
  const known = newest.get(artifacts);
  if (known?.digest === ref.digest) return known.value;
  const value = await artifacts.getJson<TrainingSet>(ref);
  newest.set(artifacts, { digest: ref.digest, value });
  return value;
}

/** Failures that end the trial and not the study. */
const trialsOwn: readonly FailureType[] = [
  'JobFailed',
  'JobTimeout',
  'JobOutOfMemory',
  'JobWithoutResult',
];

function trialJob(input: TrialInput, data: TrainingSet): TrainerJob {
  const job = trainingJob(
    { ...input, train: { ...input.train, params: { ...input.train.params, ...input.params } } },
    data,
  );
  const rungs = input.pruning === null ? [] : listRungs(input.pruning);
  const [metric, ...others] = listObjectives(input.tune).map((objective) => objective.metric);
  return {
    ...job,
    keepLog: 'whenFailed',
    context: { ...job.context, objective: { metric, input: 'tuning', rungs, others } },
  };
}

interface Watch {
  look(job: RunningJob): Promise<'enough' | undefined>;
  /**
   * Judges the rungs that were missed while the trial ran, so that its end depends on its values
   * and not on when it was polled.
   */
  judgeAll(reached: readonly TrialStep[]): Promise<'enough' | undefined>;
  /** The end of a trial that the watch stopped, with the reason. */
  verdict(): Promise<TrialEnd>;
}

/**
 * Watches a running trial. Each value at a rung is recorded before it is judged, so that a retry
 * continues there.
 */
function openWatch(
  {
    registry,
    optuna,
    readTrials,
  }: Pick<TrialDeps, 'registry' | 'optuna'> & { readonly readTrials: ReadTrials },
  input: TrialInput,
): Watch {
  const { tenant, runId, study, number, tune, pruning } = input;
  const rungs = pruning === null ? [] : listRungs(pruning);
  const name = objectiveName(input);
  let until: number | null = null;
  let why: string | null = null;
  let values: TrialStep[] | null = null;
  let judged = 0;

  async function recordSteps(): Promise<TrialStep[]> {
    if (values !== null) return values;
    const trials = await readTrials({ tenant, runId, study });
    if (tune.budgetSeconds !== null)
      until =
        Date.now() + 1000 * (tune.budgetSeconds - busySeconds(trials, new Date().toISOString()));
    values = [...(trials.find((trial) => trial.number === number)?.intermediate ?? [])];
    // The last recorded value may not have been judged before the previous attempt ended.
    judged = Math.max(0, values.length - 1);
    return values;
  }

  async function judge(seen: readonly TrialStep[]): Promise<'enough' | undefined> {
    const known = await recordSteps();
    if (pruning === null) return undefined;
    for (const value of valuesAtRungs(rungs, seen).slice(judged)) {
      if (known.length === judged) {
        await report([...known, value]);
        known.push(value);
      }
      const trials = await readTrials({ tenant, runId, study });
      if (await optuna.shouldPrune(buildStudyQuestion(input, trials))) {
        why = `${pruning.pruner}, at ${name} ${figure(value.value)} after ${value.step} iterations`;
        return 'enough';
      }
      judged += 1;
    }
    return undefined;
  }

  async function report(intermediate: readonly TrialStep[]): Promise<void> {
    if (await registry.trials.report({ tenant, runId, study, number, intermediate })) return;
    throw failure('FencedOff', `trial ${number} of ${runId} has ended and accepts no more values`);
  }

  return {
    async look({ metrics }) {
      try {
        await recordSteps();
        if (until !== null && Date.now() >= until) {
          why = `the budget of ${tune.budgetSeconds} s was spent`;
          return 'enough';
        }
        return await judge(
          metrics
            .filter((metric) => metric.name === name)
            .map(({ step, value }) => ({ step, value })),
        );
      } catch (error) {
        // Pruning only saves time, so an unavailable server does not fail the trial; the next look
        // tries again.
        if (
          !isPerennialError(error) ||
          !['DatabaseUnavailable', 'DatabaseBusy', 'BackendUnavailable'].includes(error.type)
        )
          throw error;
        Context.current().log.warn('could not check whether to prune a trial', {
          runId,
          number,
          reason: error.message,
        });
        return undefined;
      }
    },
    judgeAll: (reached) => retryWhileUnavailable(() => judge(reached)),
    async verdict() {
      // An earlier attempt may have stopped the job; the value it judged is recorded.
      const value = (await recordSteps()).at(-1)?.value ?? null;
      return { status: 'pruned', value, reason: why ?? 'an earlier attempt ended its job' };
    },
  };
}

async function toTrialEnd(input: TrialInput, job: FinalJobState, watch: Watch): Promise<TrialEnd> {
  switch (job.kind) {
    case 'cancelled':
      return watch.verdict();
    case 'failed':
      throw failure(job.failure, job.message);
    case 'succeeded': {
      const { metrics } = job.result;
      const names = listObjectives(input.tune).map(({ metric }) => `tuning_${metric}`);
      const values = names.map((name) => metrics[name] ?? NaN);
      const [value = NaN] = values;
      const missing = names.find((name) => metrics[name] === undefined);
      if (missing !== undefined)
        return toFailed(`trainer ${input.train.trainer} reported no ${missing}`);
      return (await watch.judgeAll(readTrialSteps(job.result.facts))) === 'enough'
        ? watch.verdict()
        : { status: 'complete', value, ...(input.tune.objectives ? { values } : {}) };
    }
  }
}

function objectiveName({ tune }: Pick<TrialInput, 'tune'>): string {
  return `tuning_${tune.metric}`;
}

/** A user's own trainer may report no values or malformed ones, which are skipped. */
function readTrialSteps({ reached }: Readonly<Record<string, unknown>>): readonly TrialStep[] {
  if (!Array.isArray(reached)) return [];
  return reached.flatMap((entry: unknown) => {
    const { step, value } = (entry ?? {}) as { readonly step?: unknown; readonly value?: unknown };
    return typeof step === 'number' && typeof value === 'number' ? [{ step, value }] : [];
  });
}

function toFailed(message: string): TrialEnd {
  return { status: 'failed', value: null, reason: message.slice(0, maxReasonCharacters) };
}
