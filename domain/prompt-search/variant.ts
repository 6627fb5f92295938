import type { Digest } from '../artifact';
import type { CaseResult } from '../language/evaluation/result';
import type { PromptTemplate } from '../prompt/prompt';

/** One prompt of a search. */
export interface Variant {
  /** Digest of the template. */
  readonly id: Digest;
  readonly template: PromptTemplate;
  readonly origin: VariantOrigin;
}

export interface VariantOrigin {
  readonly kind: 'first' | 'grid' | 'fewShot' | 'mutate';
  readonly parent: Digest | null;
}

/** The result of a variant on the cases that it was asked. */
export interface VariantResult {
  readonly id: Digest;
  readonly cases: number;
  readonly failures: number;
  /** Mean score with failures as 0. */
  readonly quality: number;
  /** Nanodollars per answered case. */
  readonly cost: number;
  /** Median. */
  readonly latencyMs: number;
}

export function buildVariantResult(
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
    quality: computeMean(values) ?? 0,
    // Without answers the cost is unknown, which must not rank as low.
    cost: computeMean(costs) ?? Number.MAX_SAFE_INTEGER,
    latencyMs: latencies[Math.floor((latencies.length - 1) / 2)] ?? Number.MAX_SAFE_INTEGER,
  };
}

function computeMean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}
