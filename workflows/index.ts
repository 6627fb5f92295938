/** The workflows that a worker on the orchestrator queue can run. */
export { modelLifecycle } from './lifecycle/model-lifecycle';
export { llmLifecycle } from './lifecycle/llm-lifecycle';
export { tuningStudy } from './tuning/study';
export { canaryRollout } from './rollout/canary-rollout';
export { indexBuild } from './index-version/build';
export { indexChanges } from './index-version/changes';
export { indexRetirement } from './index-version/retirement';
export { promptSearch } from './prompt/search';
export { promptEvaluation } from './prompt/evaluation';
export { batchPrediction } from './batch/batch-prediction';
export { batchScoring } from './batch/batch-scoring';
export { monitorModel } from './monitoring/monitor-model';
