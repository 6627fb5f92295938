/**
 * The lifecycle of a language application: ingest → rag-index → prompt-eval → fine-tune →
 * evaluate → canary → promote. It releases a bundle: prompt, model or adapter, index version,
 * safety policy and sampling under one digest. The index comes before the prompts, because
 * prompts are compared with the passages that they will quote.
 */
import { isNotPassed } from '../run/verdict';
import { workflowOf } from './lifecycle';
import { llmRun } from './llm-run';
import type { LlmRun } from './stage';

export const llmLifecycle = workflowOf(async (opened) => {
  const run = llmRun(opened as LlmRun);
  const datasets = await run.ingest();
  const index = await run.index(datasets);
  if (isNotPassed(index?.verdict)) return run.stopped(index.verdict);

  const prompts = await run.bundles(index);
  const compared = await run.comparePrompts(prompts);
  if (compared && isNotPassed(compared.verdict)) return run.stopped(compared.verdict);
  const chosen = compared?.chosen ?? prompts.bundles[0];
  const tuned = await run.fineTune(chosen, { ...prompts, datasets });

  const candidate = await run.candidate(tuned?.bundle ?? chosen, prompts);
  const { champion } = candidate;
  if (champion.version && candidate.isChampion) return run.unchanged(champion.version);
  const evaluated = await run.evaluate(candidate);
  if (evaluated.candidate.version === champion.version?.version)
    return run.unchanged(evaluated.candidate);
  return run.release(evaluated);
});
