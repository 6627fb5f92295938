/**
 * A lane of a study: it asks for a trial, runs it and records its end, again and again. Many short
 * trials then need one activity. The registry records each step before the next one.
 */
import { Context } from '@temporalio/activity';
import type { Registry } from '../../db/registry';
import type { Trial, TrialCounts } from '../../domain/tuning/tuning';
import { countTrials, earlyEndReason } from '../../domain/tuning/tuning';
import { fittingTrials } from '../../domain/tuning/warm-start';
import { withHeartbeat } from '../run/heartbeat';
import { retryWhileUnavailable } from '../run/retry-while-unavailable';
import { budgetReason, suggestTrial, type StudyPlan } from './tuning';
import type { ReadTrials } from './study-trials';
import { readTrialsOnce, studyKey, trialKey } from './study-trials';
import type { TrialDeps, TrialInput } from './trial';
import { runTrialJob } from './trial';

export interface LaneDeps extends TrialDeps {
  readonly registry: TrialDeps['registry'] & Pick<Registry, 'trials'>;
}

export type LaneInput = Omit<TrialInput, 'number' | 'params'> &
  StudyPlan & {
    /** 0, 1, 2 … below `tune.parallel`. */
    readonly lane: number;
    /** No trial with this number or a higher one starts. */
    readonly until: number;
  };

export interface LaneEnd {
  /**
   * `more`: the lane has worked long enough, and another call continues. `started`: all trials have
   * started. `paused`: the run is paused. `over`: the study ends early.
   */
  readonly kind: 'more' | 'started' | 'paused' | 'over';
  /** Why the study ends early; null otherwise. */
  readonly reason: string | null;
  /** Number of trials that were started, in all lanes. */
  readonly asked: number;
  /** Counts over all lanes. */
  readonly counts: TrialCounts;
  readonly running: readonly number[];
}

/** A lane returns after the trial that ends after this time, so that its progress is shown. */
const turnSeconds = 10;

export function createLaneActivities(deps: LaneDeps) {
  const { registry } = deps;
  const readTrials = readTrialsOnce(registry.trials);
  const inTurn = oneAtATimePerKey();

  return {
    /**
     * Runs trials one after the other for ten seconds, or one longer trial. A retry continues the
     * running trial of the lane, whose job it finds by its key. It then returns, so that each trial
     * has all attempts of the job.
     */
    async runLane(input: LaneInput): Promise<LaneEnd> {
      const until = Date.now() + turnSeconds * 1000;
      for (;;) {
        const next = await withHeartbeat(() =>
          retryWhileUnavailable(() =>
            inTurn(studyKey(input), () => nextTrial(deps, readTrials, input)),
          ),
        );
        if (!('number' in next)) return toLaneEnd(next, await readTrials(input));
        const end = await runTrialJob(deps, readTrials, trialInput(input, next));
        const { number } = next;
        const { tenant, runId, study, tune } = input;
        await withHeartbeat(() =>
          retryWhileUnavailable(() =>
            registry.trials.end({ tenant, runId, study, number, end, tune }),
          ),
        );
        if (Date.now() >= until || Context.current().info.attempt > 1)
          return toLaneEnd({ kind: 'more', reason: null }, await readTrials(input));
      }
    },
  };
}

type NoTrial = Pick<LaneEnd, 'kind' | 'reason'>;

/** The running trial of the lane, or a new one, recorded as running. */
async function nextTrial(
  { registry, optuna }: Pick<LaneDeps, 'registry' | 'optuna'>,
  readTrials: ReadTrials,
  input: LaneInput,
): Promise<Trial | NoTrial> {
  const { tenant, runId, study, tune, lane } = input;
  for (;;) {
    Context.current().cancellationSignal.throwIfAborted();
    const trials = await readTrials({ tenant, runId, study });
    const mine = trials.find((trial) => trial.status === 'running' && readLane(trial) === lane);
    if (mine) return mine;
    if (trials.length >= Math.min(input.until, tune.trials)) return noTrial('started');
    const early = earlyEndReason(countTrials(trials), tune.parallel) ?? budgetReason(tune, trials);
    if (early !== null) return noTrial('over', early);
    const number = trials.length;
    const earlier = input.earlier
      ? fittingTrials(await readTrials({ tenant, runId: input.earlier, study }), tune).fitting
      : [];
    const suggested = await suggestTrial(optuna, { ...input, number }, trials, earlier);
    const started = await registry.trials.startInLane({
      ...{ tenant, runId, study, number, lane },
      ...suggested,
    });
    if (started === 'paused') return noTrial('paused');
    if (started.status === 'running' && readLane(started) === lane) return started;
    // Another worker took the number, so the suggestion is out of date.
  }
}

/** The first lane continues the trials that a workflow without lanes left. */
function readLane({ lane }: Trial): number {
  return lane ?? 0;
}

function noTrial(kind: NoTrial['kind'], reason: string | null = null): NoTrial {
  return { kind, reason };
}

function toLaneEnd({ kind, reason }: NoTrial, trials: readonly Trial[]): LaneEnd {
  const { complete, pruned, failed } = countTrials(trials);
  return {
    kind,
    reason,
    asked: trials.length,
    counts: { complete, pruned, failed },
    running: trials.flatMap(({ status, number }) => (status === 'running' ? [number] : [])),
  };
}

function trialInput({ runId, study, ...input }: LaneInput, trial: Trial): TrialInput {
  const { number, params } = trial;
  return { ...input, runId, study, number, params, key: trialKey({ runId, study }, number) };
}

/** The suggestions of a study depend on each other, so they are made one at a time. */
function oneAtATimePerKey(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const mine = (last.get(key) ?? Promise.resolve()).then(work);
    const done = mine.catch(() => undefined);
    last.set(key, done);
    try {
      return await mine;
    } finally {
      if (last.get(key) === done) last.delete(key);
    }
  };
}
