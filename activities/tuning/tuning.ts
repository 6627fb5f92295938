/**
 * Steps of a study (workflows/tuning/study.ts). The registry holds the trials, optuna is stateless,
 * and each trial is a job with its own key.
 */
import { join } from 'node:path';
import { codeDigestOf, openTrainerCatalog } from '../../data/training/catalog';
import type { Registry } from '../../db/registry';
import type { StudyRef, TrialRef } from '../../db/tuning/repository';
import type { Digest } from '../../domain/dataset/artifact';
import { failure } from '../../domain/failure';
import type { IdempotencyKey } from '../../domain/ids';
import type { TrainSpec, TuneSpec } from '../../domain/lifecycle/lifecycle';
import type {
  Hyperband,
  Trial,
  TrialCounts,
  TrialEnd,
  TrialParams,
} from '../../domain/tuning/tuning';
import {
  bestTrial,
  busySeconds,
  countsOf,
  extremesOf,
  hyperbandOf,
  iterationsOf,
} from '../../domain/tuning/tuning';
import { withHeartbeat } from '../run/heartbeat';
import type { Optuna, StudyQuestion, SuggestedTrial } from './optuna';
import { studyKey } from './study-trials';

export interface TuningDeps {
  readonly registry: Pick<Registry, 'trials'>;
  readonly optuna: Optuna;
  readonly trainersDir: string;
}

/** The part of a study that does not change. */
export interface StudyPlan {
  readonly tune: TuneSpec;
  readonly hyperband: Hyperband | null;
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
}

export type NextTrial =
  | {
      readonly kind: 'trial';
      readonly number: number;
      readonly params: TrialParams;
      readonly ended: boolean;
    }
  | { readonly kind: 'over'; readonly reason: string };

export interface TuningDescription {
  readonly trainer: Digest;
  /** Digest of the code that calls optuna, with optuna's version. */
  readonly tuner: Digest;
  readonly hyperband: Hyperband | null;
}

export function createTuningActivities({ registry, optuna, trainersDir }: TuningDeps) {
  const catalog = openTrainerCatalog(trainersDir);

  return {
    /**
     * Checks both ends of each range against the trainer's schema before any compute is used.
     * @throws InvalidInput with all errors in the space.
     */
    describeTuning({
      train,
      tune,
    }: {
      readonly train: Pick<TrainSpec, 'trainer' | 'params'>;
      readonly tune: TuneSpec;
    }): Promise<TuningDescription> {
      return Promise.resolve().then(() => {
        const manifest = catalog.get(train.trainer);
        if (!manifest) throw failure('NotFound', `unknown trainer ${train.trainer}`);
        const issues = extremesOf(tune.space).flatMap((extreme) =>
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
          trainer: manifest.codeDigest,
          tuner: codeDigestOf(join(trainersDir, 'tuner'), join(trainersDir, 'runtime')),
          hyperband:
            tune.pruner === 'hyperband'
              ? hyperbandOf(iterationsOf(manifest.iterations, train.params, tune.space))
              : null,
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
      const { complete, pruned, failed } = countsOf(trials);
      const best = bestTrial(trials, tune.direction);
      return {
        asked: trials.length,
        running: trials
          .filter(({ status }) => status === 'running')
          .map(({ number, params, lane }) => ({ number, params, lane })),
        counts: { complete, pruned, failed },
        best: best && { number: best.number, value: best.value, params: best.params },
        seconds: busySeconds(trials, new Date().toISOString()),
      };
    },

    /**
     * Returns the parameters of the next trial, after recording it as running. A retry before the
     * record asks again; a later one finds the record. `over` when the budget is spent.
     */
    askTrial(
      input: TrialRef & StudyPlan & { readonly key: IdempotencyKey; readonly traceId?: string },
    ): Promise<NextTrial> {
      const { tenant, runId, study, number, tune } = input;
      return withHeartbeat(async () => {
        const trials = await registry.trials.list({ tenant, runId, study });
        const known = trials.find((trial) => trial.number === number);
        if (known) return asked(known);
        if (number !== trials.length)
          throw failure(
            'Conflict',
            `trial ${number} of ${runId} cannot start: ${trials.length} trials are recorded`,
          );
        const spent = budgetReason(tune, trials);
        if (spent !== null) return { kind: 'over', reason: spent };
        const { params } = await suggestTrial(optuna, input, trials);
        return asked(await registry.trials.start({ tenant, runId, study, number, params }));
      });
    },

    /** Records the end of a trial; the first recorded end stays. */
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

/** Null while the budget is not spent. */
export function budgetReason(tune: TuneSpec, trials: readonly Trial[]): string | null {
  const { budgetSeconds } = tune;
  if (budgetSeconds === null || busySeconds(trials, new Date().toISOString()) < budgetSeconds)
    return null;
  return `the budget of ${budgetSeconds} s was spent`;
}

export function suggestTrial(
  optuna: Pick<Optuna, 'suggest'>,
  input: TrialRef & StudyPlan,
  trials: readonly Trial[],
): Promise<SuggestedTrial> {
  return optuna.suggest(questionOf(input, trials));
}

export function questionOf(
  { tenant, runId, study, number, tune, hyperband }: TrialRef & StudyPlan,
  trials: readonly Trial[],
): StudyQuestion {
  const key = studyKey({ tenant, runId, study });
  return { key, study: { ...tune, name: study, hyperband }, trials, number };
}

function asked({ number, params, status }: Trial): NextTrial {
  return { kind: 'trial', number, params, ended: status !== 'running' };
}
