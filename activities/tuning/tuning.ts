/**
 * Steps of a study (workflows/tuning/study.ts). The registry holds the trials, optuna is stateless,
 * and each trial is a job with its own key.
 */
import { join } from 'node:path';
import { computeCodeDigest, openTrainerCatalog } from '../../data/training/catalog';
import type { Registry } from '../../db/registry';
import type { StudyRef, TrialRef } from '../../db/tuning/repository';
import type { Digest } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import type { RunId, Tenant } from '../../domain/ids';
import type { TrainSpec } from '../../domain/lifecycle/lifecycle';
import type { Trial, TrialCounts, TrialEnd, TrialParams } from '../../domain/tuning/tuning';
import {
  busySeconds,
  capThatEnded,
  countTrials,
  findMaxIterations,
} from '../../domain/tuning/tuning';
import { chosenTrial, listObjectives, paretoFront } from '../../domain/tuning/objectives';
import type { PruningSchedule } from '../../domain/tuning/pruning';
import { planPruning } from '../../domain/tuning/pruning';
import { readConditions, listExtremes } from '../../domain/tuning/space';
import type { FittingTrials } from '../../domain/tuning/warm-start';
import { fittingTrials, objectiveDifference, findOwner } from '../../domain/tuning/warm-start';
import type { Optuna, StudyQuestion, SuggestedTrial } from './optuna';
import { studyKey, trialKey } from './study-trials';
import type { TuneSpec } from '../../domain/tuning/tune-spec';

export interface TuningDeps {
  readonly registry: Pick<Registry, 'trials' | 'costs'>;
  readonly trainersDir: string;
}

/** The part of a study that does not change. */
export interface StudyPlan {
  readonly tune: TuneSpec;
  /** The run whose trials the sampler also learns from. */
  readonly earlier?: RunId | undefined;
  readonly pruning: PruningSchedule | null;
}

export interface StudyReport {
  /** Number of trials that were started. */
  readonly asked: number;
  /** Started and not ended, by a lost execution or before the study continued as new. */
  readonly running: readonly (Pick<Trial, 'number' | 'params'> & Partial<Pick<Trial, 'lane'>>)[];
  readonly counts: TrialCounts;
  readonly best: {
    readonly number: number;
    readonly value: number;
    readonly params: TrialParams;
  } | null;
  readonly seconds: number;
  /** The Pareto front, at most 100 trials; undefined for a study with one objective. */
  readonly front?: readonly FrontTrial[];
}

export type FrontTrial = Pick<Trial, 'number' | 'params'> & { readonly values: readonly number[] };

const mostOfFront = 100;

export interface TuningDescription {
  readonly trainer: Digest;
  /** Digest of the code that calls optuna, with optuna's version. */
  readonly tuner: Digest;
  readonly pruning: PruningSchedule | null;
  /** Undefined without a warm start. */
  readonly warmStart?: WarmStart;
}

/** The earlier study from which the sampler learns. */
export interface WarmStart {
  readonly runId: RunId;
  /** Number of its trials that fit. */
  readonly used: number;
  /** The trials that do not fit, at most 100. */
  readonly leftOut: FittingTrials['leftOut'];
}

const mostLeftOut = 100;

async function buildWarmStart(
  { trials }: TuningDeps['registry'],
  tenant: Tenant,
  tune: TuneSpec,
): Promise<WarmStart | null> {
  const from = tune.warmStart?.from;
  if (from === undefined) return null;
  const found = await trials.findStudy({ tenant, study: 'tune', ...findOwner(from) });
  const { runId } = found ?? {};
  const earlier = runId ? await trials.list({ tenant, runId, study: 'tune' }) : [];
  const difference = found?.tune ? objectiveDifference(found.tune, tune) : null;
  if (difference !== null)
    throw failure('InvalidInput', `spec.tune.warmStart: the study of ${from} ${difference}`, {
      next: 'use the same metrics and directions, or remove warmStart',
    });
  const { fitting, leftOut } = fittingTrials(earlier, tune);
  if (!runId || fitting.length === 0)
    throw failure('InvalidInput', `spec.tune.warmStart: no trial of ${from} fits the space`, {
      next: 'name another run or version of this lifecycle, or remove warmStart',
    });
  return { runId, used: fitting.length, leftOut: leftOut.slice(0, mostLeftOut) };
}

export function createTuningActivities({ registry, trainersDir }: TuningDeps) {
  const catalog = openTrainerCatalog(trainersDir);

  return {
    /**
     * Checks both ends of each range against the trainer's schema before any compute is used.
     * @throws InvalidInput with all errors in the space.
     */
    async describeTuning({
      train,
      tune,
      tenant,
    }: {
      readonly train: Pick<TrainSpec, 'trainer' | 'params'>;
      readonly tune: TuneSpec;
      readonly tenant?: Tenant;
    }): Promise<TuningDescription> {
      const warmStart = tenant ? await buildWarmStart(registry, tenant, tune) : null;
      return Promise.resolve().then(() => {
        const manifest = catalog.get(train.trainer);
        if (!manifest) throw failure('NotFound', `unknown trainer ${train.trainer}`);
        const issues = listExtremes(tune.space).flatMap((extreme) =>
          catalog
            .checkParams(train.trainer, { ...train.params, ...extreme })
            .filter(({ pointer }) =>
              Object.keys(extreme).some((name) => pointer === '' || pointer.startsWith(`/${name}`)),
            )
            .map((issue) => ({ ...issue, pointer: `/spec/tune/space${issue.pointer}` })),
        );
        if (issues.length > 0) {
          const errors = issues.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; ');
          throw failure(
            'InvalidInput',
            `trainer ${train.trainer} does not accept all of tune.space: ${errors}`,
            { issues },
          );
        }
        return {
          ...(warmStart ? { warmStart } : {}),
          trainer: manifest.codeDigest,
          tuner: computeCodeDigest(join(trainersDir, 'tuner'), join(trainersDir, 'runtime')),
          pruning: planPruning(
            tune.pruner,
            findMaxIterations(manifest.iterations, train.params, tune.space),
          ),
        };
      });
    },

    async readStudy({
      tenant,
      runId,
      study,
      tune,
    }: StudyRef & { readonly tune: TuneSpec }): Promise<StudyReport> {
      const trials = await registry.trials.list({ tenant, runId, study });
      const { complete, pruned, failed } = countTrials(trials);
      const best = chosenTrial(trials, tune);
      return {
        asked: trials.length,
        running: trials
          .filter(({ status }) => status === 'running')
          .map(({ number, params, lane }) => ({ number, params, lane })),
        counts: { complete, pruned, failed },
        best: best && { number: best.number, value: best.value, params: best.params },
        seconds: busySeconds(trials, new Date().toISOString()),
        ...(tune.objectives ? { front: buildFront(trials, tune.objectives) } : {}),
      };
    },

    /**
     * Records the end of a trial; the first recorded end stays. Settles its job, which no worker
     * follows any longer if it was lost for good.
     */
    async endTrial(
      input: TrialRef & { readonly end: TrialEnd; readonly tune: TuneSpec },
    ): Promise<Pick<Trial, 'number' | 'status' | 'value'>> {
      const { tenant, runId, study, number: of, end, tune } = input;
      const { number, status, value } = await registry.trials.end({
        tenant,
        runId,
        study,
        number: of,
        end,
        tune,
      });
      await registry.costs.settle({ tenant, jobId: trialKey(input, of), times: [] });
      return { number, status, value };
    },

    /** Undo of a study: ends its running trials. Ended trials stay as they are. Idempotent. */
    async abandonStudy({
      tenant,
      runId,
      study,
      reason,
    }: StudyRef & { readonly reason: string }): Promise<void> {
      await registry.trials.abandon({ tenant, runId, study, reason });
    },
  };
}

function buildFront(
  trials: readonly Trial[],
  objectives: NonNullable<TuneSpec['objectives']>,
): readonly FrontTrial[] {
  return paretoFront(trials, objectives)
    .slice(0, mostOfFront)
    .map(({ number, params, values }) => ({ number, params, values: values ?? [] }));
}

/** Null while neither the budget of the study nor a cap on its jobs is spent. */
export function budgetReason(tune: TuneSpec, trials: readonly Trial[]): string | null {
  for (const trial of trials) {
    const capped = capThatEnded(trial);
    // The rest is about the job of that trial.
    if (capped !== null) return capped.split('; ')[0] ?? capped;
  }
  const { budgetSeconds } = tune;
  if (budgetSeconds === null || busySeconds(trials, new Date().toISOString()) < budgetSeconds)
    return null;
  return `the budget of ${budgetSeconds} s was spent`;
}

export function suggestTrial(
  optuna: Pick<Optuna, 'suggest'>,
  input: TrialRef & StudyPlan,
  trials: readonly Trial[],
  earlier: readonly Trial[] = [],
): Promise<SuggestedTrial> {
  const question = buildStudyQuestion(input, trials);
  return optuna.suggest(earlier.length === 0 ? question : { ...question, earlier });
}

export function buildStudyQuestion(
  { tenant, runId, study, number, tune, pruning }: TrialRef & StudyPlan,
  trials: readonly Trial[],
): StudyQuestion {
  const key = studyKey({ tenant, runId, study });
  const space = Object.fromEntries(
    Object.entries(tune.space).map(([name, range]) => [
      name,
      { ...range, when: readConditions(range) },
    ]),
  );
  const directions = listObjectives(tune).map(({ direction }) => direction);
  const { seed, sampler } = tune;
  const asked = { name: study, seed, sampler, directions, space, pruning };
  return { key, study: asked, trials, number };
}
