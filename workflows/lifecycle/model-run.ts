/** The built-in stages of a classical model, as functions that a lifecycle calls in its order. */
import type { DecisionRef, Verdict } from '../../domain/verdict';
import type { RunId } from '../../domain/ids';
import type { ModelLifecycleSpec } from '../../domain/lifecycle/lifecycle';
import { versionName, type ComparedChampion, type ModelVersionRef } from '../../domain/model/model';
import { registryWrites } from '../activity-proxies';
import { deepCopy } from '../run/copy';
import type { RunEnd } from '../run/end';
import { isNotPassed, unchangedEnd } from '../run/verdict';
import { keptEvaluations, keptResults } from './kept-results';
import { release } from './release';
import type { EndedStage, ModelRun } from './stage';
import { evaluate, type EvaluateOutput } from './stages/evaluate';
import { importModel } from './stages/import-model';
import { ingest, type IngestOutput } from './stages/ingest';
import { registerCandidate, train, type TrainOptions, type TrainOutput } from './stages/train';
import { tune, type TuneOutput } from './stages/tune';
import { validate, type ValidateOutput } from './stages/validate';

/** The output of a stage, its verdict, and the run whose output was reused. */
export type StageResult<Output> = Output & {
  /** A stage that judges nothing passes without reasons. */
  readonly verdict: Verdict;
  /** Null when the stage ran. */
  readonly reusedFrom: RunId | null;
};

/** A registered version, and the champion that it is compared with. */
export interface Candidate {
  readonly model: TrainOutput;
  /** Null when the model is already the champion, so that there is nothing to compare. */
  readonly version: ModelVersionRef | null;
  readonly champion: ComparedChampion;
}

export interface RegisteredCandidate extends Candidate {
  readonly version: ModelVersionRef;
}

export type Evaluation = StageResult<EvaluateOutput> & {
  readonly candidate: RegisteredCandidate;
  readonly decision: DecisionRef;
};

/** A model that this run has trained, tuned or imported. */
interface Trained {
  readonly model: TrainOutput;
}

export interface ModelLifecycleRun {
  /** The id of the run, such as `run_01…`. */
  readonly id: RunId;
  /** A copy of the spec of the revision that this run executes. Changing it has no effect. */
  readonly spec: ModelLifecycleSpec;
  /** Makes a dataset version of each source in `spec.data.sources`. */
  ingest(): Promise<StageResult<IngestOutput>>;
  /** Checks each source against its contract. The accepted rows continue. */
  validate(data: IngestOutput): Promise<StageResult<ValidateOutput>>;
  /**
   * Joins the datasets, computes the features and trains as `spec.train` says. A run with an
   * imported model checks that model instead of training one.
   */
  train(data: ValidateOutput, options?: TrainOptions): Promise<StageResult<TrainOutput>>;
  /** Searches for better parameters. Null when the spec has no `tune`, or the model is imported. */
  tune(trained: TrainOutput, options?: TrainOptions): Promise<StageResult<TuneOutput> | null>;
  /** Reads the champion, and registers the model unless it is that champion. */
  candidate(model: TrainOutput): Promise<Candidate>;
  /** Measures the candidate on the holdout and decides by the gates of `spec.evaluate`. */
  evaluate(candidate: RegisteredCandidate): Promise<Evaluation>;
  /**
   * Ends the run with the canary of `spec.canary` and the promotion of `spec.promote`. Promotes
   * only a candidate that the gates, the canary and the approvers accepted.
   */
  release(
    evaluation: Evaluation,
    options?: {
      /** The verdict of the stage before the evaluation, which is shown with it. */
      readonly before?: Verdict | undefined;
    },
  ): Promise<RunEnd>;
  /** Ends the run because a stage did not pass. Nothing is promoted. */
  stopped(stage: { readonly verdict: Verdict }): RunEnd;
  /** Ends the run because the model is already the champion. */
  unchanged(candidate: Candidate): RunEnd;
}

export function isRegistered(candidate: Candidate): candidate is RegisteredCandidate {
  return candidate.version !== null;
}

/** Whether the verdict of a stage stops a run. */
export function hasNotPassed({ verdict }: { readonly verdict: Verdict }): boolean {
  return isNotPassed(verdict);
}

export function modelRun(run: ModelRun): ModelLifecycleRun {
  const { plan } = run;
  const { imported } = plan.request;
  const models = keptResults<Trained, Pick<Trained, 'model'>>({
    noun: 'model',
    role: 'a model',
    madeBy: 'run.train or run.tune',
    findId: ({ model }) => model.manifest.digest,
  });
  const candidates = keptResults<RegisteredCandidate, Pick<RegisteredCandidate, 'version'>>({
    noun: 'version',
    role: 'a candidate',
    madeBy: 'run.candidate',
    findId: ({ version }) => versionName(version),
  });
  const evaluations = keptEvaluations<Evaluation>();
  return {
    id: plan.runId,
    spec: deepCopy(plan.spec),
    ingest: async () => toStageResult(await ingest(run)),
    validate: async (data) => toStageResult(await validate(run, data)),
    async train(data, options = {}) {
      const trained = toStageResult(
        await (imported ? importModel(run, data, imported) : train(run, data, options)),
      );
      models.keep({ model: trained });
      return trained;
    },
    async tune(given, options = {}) {
      if (!plan.spec.tune || imported) return null;
      const { model: trained } = models.own('run.tune', { model: given });
      const tuned = toStageResult(await tune(run, trained, plan.spec.tune, options));
      models.keep({ model: tuned.model });
      return tuned;
    },
    async candidate(given) {
      const { model } = models.own('run.candidate', { model: given });
      const { tenant, lifecycle } = plan;
      const champion = await registryWrites.readChampion({ tenant, model: lifecycle });
      const isChampion = champion.version?.manifest.digest === model.manifest.digest;
      const version = isChampion ? null : await registerCandidate(run, model);
      return version ? candidates.keep({ model, version, champion }) : { model, version, champion };
    },
    async evaluate(given) {
      const candidate = candidates.own('run.evaluate', given);
      const { model, version, champion } = candidate;
      const ended = await evaluate(run, { ...model, candidate: version, champion });
      return evaluations.keep({ ...toStageResult(ended), candidate, decision: ended.decision });
    },
    async release(evaluation, { before } = {}) {
      const { candidate, verdict, decision, champion } = evaluations.own('run.release', evaluation);
      return release(run, {
        candidate: candidate.version,
        champion: candidate.champion,
        evaluated: { verdict, decision, output: { champion } },
        before: before ?? null,
      });
    },
    stopped: ({ verdict }) => ({ status: 'stopped', verdict, version: null }),
    unchanged: ({ champion }) => {
      if (champion.version === null)
        throw new Error('only a champion can be unchanged, and there is no champion');
      return unchangedEnd(
        champion.version,
        imported ? 'data and model' : 'data, code and parameters',
      );
    },
  };
}

export function toStageResult<Output>({
  output,
  verdict = { kind: 'passed', reasons: [] },
  reusedFrom,
}: EndedStage<Output>): StageResult<Output> {
  return { ...output, verdict, reusedFrom };
}
