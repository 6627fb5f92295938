/**
 * The lifecycle of a language application: ingest → rag-index → prompt-eval → fine-tune →
 * evaluate → canary → promote. It releases a bundle: prompt, model or adapter, index version,
 * safety policy and sampling under one digest. The index comes before the prompts, because
 * prompts are compared with the passages that they will quote.
 */
import { defineWorkflow } from './lifecycle';
import { llmRun } from './llm-run';
import { hasNotPassed } from './model-run';
import type { LlmRun } from './stage';

export const llmLifecycle = defineWorkflow(async (opened) => {
  const run = await llmRun(opened as LlmRun);
  const datasets = await run.ingest();
  const index = await run.index(datasets);
  if (index && hasNotPassed(index)) return run.stopped(index);

  const prompts = await run.bundles(index);
  const compared = await run.comparePrompts(prompts);
  if (compared && hasNotPassed(compared)) return run.stopped(compared);
  const chosen = compared?.chosen ?? prompts.bundles[0];
  const tuned = await run.fineTune(chosen, { ...prompts, datasets });

  const candidate = await run.candidate(tuned?.bundle ?? chosen, prompts);
  if (candidate.isChampion) return run.unchanged(candidate);
  const evaluated = await run.evaluate(candidate);
  return run.release(evaluated);
});
