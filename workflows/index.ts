/** The workflow bundle: what a worker on the orchestrator queue can run. */
export { modelLifecycle } from './model-lifecycle';
export { llmLifecycle } from './llm-lifecycle';
export { tuningStudy } from './tuning-study';
export { canaryRollout } from './canary-rollout';
export { indexBuild } from './index-build';
export { indexChanges } from './index-changes';
export { indexRetirement } from './index-retirement';
export { promptSearch } from './prompt-search';
export { promptEvaluation } from './prompt-evaluation';
