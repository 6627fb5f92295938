import type { Digest } from '../../dataset/artifact';
import type { CaseResult } from '../../language/evaluation/result';
import type { PromptTemplate } from '../prompt';

/** One prompt of a search. */
export interface Variant {
  /** Of the template. */
  readonly id: Digest;
  readonly template: PromptTemplate;
  readonly origin: VariantOrigin;
}

export interface VariantOrigin {
  readonly kind: 'first' | 'grid' | 'fewShot' | 'mutate';
  readonly parent: Digest | null;
}

/** How a variant did on the cases that it has met. */
export interface VariantResult {
  readonly id: Digest;
  readonly cases: number;
  readonly failures: number;
  /** Mean over all of them, failed ones as 0. */
  readonly quality: number;
  /** Nanodollars a case; of answered ones. */
  readonly cost: number;
  /** Median. */
  readonly latencyMs: number;
}

export function resultOf(
  id: Digest,
  results: readonly CaseResult[],
  quality: string,
): VariantResult {
  const scores = results
    .map(({ scores: by }) => by[quality])
    .filter((score) => score?.kind !== 'notApplicable');
  const values = scores.map((score) => (score?.kind === 'scored' ? score.value : 0));
  const costs = results.flatMap(({ cost }) => (cost === null ? [] : [cost]));
  const latencies = results
    .flatMap(({ latencyMs }) => (latencyMs === null ? [] : [latencyMs]))
    .sort((a, b) => a - b);
  return {
    id,
    cases: results.length,
    failures: scores.filter((score) => score?.kind !== 'scored').length,
    quality: meanOf(values) ?? 0,
    // Nothing was answered: no price at all is not a low one.
    cost: meanOf(costs) ?? Number.MAX_SAFE_INTEGER,
    latencyMs: latencies[Math.floor((latencies.length - 1) / 2)] ?? Number.MAX_SAFE_INTEGER,
  };
}

function meanOf(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}
