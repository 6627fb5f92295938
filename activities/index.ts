import { createAdmitCommandActivities } from './admit-command';
import type { CommandKeys } from '../data/command-signature';
import type { ArtifactStore } from '../data/artifacts/store';
import type { ChunkStore } from '../data/indexes/chunk-store';
import type { Embedders } from '../data/indexes/embedders/open-embedder';
import type { ModelAccess } from '../data/llm/model-access';
import type { SourcePolicy } from '../data/sources/policy';
import type { Digest } from '../domain/artifact';
import type { ComputeBackend, ComputeKind } from '../domain/job';
import type { Registry } from '../db/registry';
import { createAnswerCasesActivities } from './answer-cases';
import { createRunBudgetActivities } from './asking';
import { createAssembleActivities } from './assemble';
import { createBundleVersionActivities } from './bundle-version';
import { createEvaluateActivities } from './evaluate';
import { createEvaluateBundleActivities } from './evaluate-bundle';
import { createFineTuneActivities } from './fine-tune';
import { createIndexAnswersActivities } from './index-answers';
import { createIndexActivities } from './indexes';
import { createIngestActivities } from './ingest';
import { createLifecycleSearchActivities } from './lifecycle-search';
import { createJudgeAnswersActivities } from './judge-answers';
import { createModelVersionActivities } from './model-version';
import { createParityActivities } from './parity';
import { createPrepareExamplesActivities } from './prepare-examples';
import { createPromotionActivities } from './promotion';
import { createPromptEvaluationActivities } from './prompt-evaluation';
import { createPromptSearchActivities } from './prompt-search';
import type { JobKeeper } from './release-run';
import { createProviderFineTuneActivities } from './provider-fine-tune';
import { createReleaseActivities } from './release-run';
import { createRolloutActivities } from './rollout';
import { createRunRecordActivities } from './run-record';
import { createTrainActivities } from './train';
import { createTuningActivities } from './tuning';
import { createConfirmActivities } from './tuning-confirm';
import type { Optuna } from './tuning-optuna';
import { createTrialActivities } from './tuning-trial';
import { createValidateActivities } from './validate';
import { createWatchRolloutActivities } from './watch-rollout';

export interface ActivityDeps {
  readonly registry: Registry;
  readonly artifacts: ArtifactStore;
  readonly scratchRoot: string;
  readonly sourcePolicy: SourcePolicy;
  readonly backends: Readonly<Partial<Record<ComputeKind, ComputeBackend & JobKeeper>>>;
  readonly optuna: Optuna;
  readonly chunkStore: ChunkStore;
  readonly embedders: Embedders;
  readonly access: ModelAccess;
  readonly trainersDir: string;
  readonly serviceKey: string | null;
  readonly commandKeys: CommandKeys;
  /** Of the code that makes stage outputs. */
  readonly codeDigest: Digest;
}

export type Activities = ReturnType<typeof createActivities>;

/** Everything that workflows may ask of the world, by name. */
export function createActivities(deps: ActivityDeps) {
  return {
    ...createRunRecordActivities(deps),
    ...createAdmitCommandActivities(deps),
    ...createIngestActivities(deps),
    ...createValidateActivities(deps),
    ...createAssembleActivities(deps),
    ...createTrainActivities(deps),
    ...createTuningActivities(deps),
    ...createTrialActivities(deps),
    ...createConfirmActivities(deps),
    ...createModelVersionActivities(deps),
    ...createParityActivities(deps),
    ...createEvaluateActivities(deps),
    ...createPromotionActivities(deps),
    ...createRolloutActivities(deps),
    ...createWatchRolloutActivities(deps),
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
    ...createReleaseActivities({ artifacts: deps.artifacts, jobs: Object.values(deps.backends) }),
  };
}
