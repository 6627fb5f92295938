import { createAdmitCommandActivities } from './run/admit-command';
import type { Dispatcher } from 'undici';
import type { CommandKeys } from '../data/access/command-signature';
import type { ArtifactStore } from '../data/artifact/store';
import type { ChunkStore } from '../data/index/chunk-store';
import type { Embedders } from '../data/index/embedders/open-embedder';
import type { ModelAccess } from '../data/language/model-access';
import type { SourcePolicy } from '../data/dataset/sources/policy';
import type { ComputePrices } from '../domain/cost/price';
import type { Digest } from '../domain/artifact';
import type { ComputeBackend, ComputeKind } from '../domain/training/job';
import type { Registry } from '../db/registry';
import { createAnswerCasesActivities } from './language/answer-cases';
import { createRunBudgetActivities } from './language/request-context';
import { createBatchActivities } from './batch/batch';
import { createAssembleActivities } from './dataset/assemble';
import { createBundleVersionActivities } from './language/bundle-version';
import { createEvaluateActivities } from './evaluation/evaluate';
import { createEvaluateBundleActivities } from './language/evaluate-bundle';
import { createFineTuneActivities } from './language/fine-tune';
import { createIndexAnswersActivities } from './index/answers';
import { createIndexActivities } from './index/indexes';
import { createIngestActivities } from './dataset/ingest';
import { createLifecycleSearchActivities } from './prompt/lifecycle-search';
import { createJudgeAnswersActivities } from './language/judge-answers';
import { createImportedModelActivities } from './model/imported-model';
import { createModelVersionActivities } from './training/model-version';
import { createObserveModelActivities } from './monitoring/observe';
import { createCompareFormerActivities } from './monitoring/fallback';
import { createMeasureSkewActivities } from './monitoring/skew';
import { createPrepareMonitorActivities } from './monitoring/prepare';
import { createParityActivities } from './evaluation/parity';
import { createPrepareExamplesActivities } from './language/prepare-examples';
import { createPromotionActivities } from './model/promotion';
import { createPromptEvaluationActivities } from './prompt/evaluation';
import { createPromptSearchActivities } from './prompt/search';
import type { JobKeeper } from './run/release';
import { createDecideActivities } from './project/decide';
import { createCommandJobActivities } from './project/command-job';
import { createChildRunActivities } from './project/child-runs';
import { createProjectStepActivities } from './project/step';
import { createStepItemActivities } from './project/step-items';
import { createSentEventActivities } from './project/sent-events';
import { createProviderFineTuneActivities } from './language/provider-fine-tune';
import { createReleaseActivities } from './run/release';
import { createRolloutActivities } from './rollout/rollout';
import { createRunRecordActivities } from './run/record';
import { createTrainActivities } from './training/train';
import { createTuningActivities } from './tuning/tuning';
import { createConfirmActivities } from './tuning/confirm';
import type { Optuna } from './tuning/optuna';
import type { PythonEnvironments } from '../data/training/python-environments';
import { createLaneActivities } from './tuning/lane';
import { createValidateActivities } from './dataset/validate';
import { createWatchRolloutActivities } from './rollout/watch';

export interface ActivityDeps {
  readonly registry: Registry;
  readonly artifacts: ArtifactStore;
  readonly scratchRoot: string;
  readonly sourcePolicy: SourcePolicy;
  readonly backends: Readonly<Partial<Record<ComputeKind, ComputeBackend & JobKeeper>>>;
  readonly prices: ComputePrices;
  readonly optuna: Optuna;
  readonly chunkStore: ChunkStore;
  readonly embedders: Embedders;
  readonly access: ModelAccess;
  readonly trainersDir: string;
  readonly environments: PythonEnvironments;
  readonly serviceKey: string | null;
  /** Dispatcher for requests to gateways. */
  readonly gatewayDispatcher: Dispatcher;
  readonly commandKeys: CommandKeys;
  /** Digest of the code that makes stage outputs. */
  readonly codeDigest: Digest;
}

export type Activities = ReturnType<typeof createActivities>;

/** All activities by name. A workflow's effects on the outside are only these. */
export function createActivities(deps: ActivityDeps) {
  return {
    ...createRunRecordActivities(deps),
    ...createAdmitCommandActivities(deps),
    ...createIngestActivities(deps),
    ...createValidateActivities(deps),
    ...createAssembleActivities(deps),
    ...createTrainActivities(deps),
    ...createTuningActivities(deps),
    ...createLaneActivities(deps),
    ...createConfirmActivities(deps),
    ...createModelVersionActivities(deps),
    ...createImportedModelActivities(deps),
    ...createParityActivities(deps),
    ...createBatchActivities(deps),
    ...createEvaluateActivities(deps),
    ...createPromotionActivities(deps),
    ...createRolloutActivities(deps),
    ...createWatchRolloutActivities(deps),
    ...createPrepareMonitorActivities(deps),
    ...createObserveModelActivities(deps),
    ...createMeasureSkewActivities(deps),
    ...createCompareFormerActivities(deps),
    ...createJudgeAnswersActivities(deps),
    ...createIndexActivities(deps),
    ...createIndexAnswersActivities(deps),
    ...createPromptSearchActivities(deps),
    ...createLifecycleSearchActivities(deps),
    ...createPromptEvaluationActivities(deps),
    ...createBundleVersionActivities(deps),
    ...createRunBudgetActivities(deps),
    ...createAnswerCasesActivities(deps),
    ...createEvaluateBundleActivities(deps),
    ...createPrepareExamplesActivities(deps),
    ...createFineTuneActivities(deps),
    ...createProviderFineTuneActivities(deps),
    ...createProjectStepActivities(deps),
    ...createStepItemActivities(deps),
    ...createCommandJobActivities(deps),
    ...createDecideActivities(deps),
    ...createSentEventActivities(deps),
    ...createChildRunActivities(deps),
    ...createReleaseActivities({
      artifacts: deps.artifacts,
      jobs: Object.values(deps.backends).filter((backend) => backend !== undefined),
    }),
  };
}
