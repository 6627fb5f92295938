import type { VariantResult } from './variant';

/** The Pareto front of quality, cost and latency, best quality first. Keeps all equal results. */
export function paretoFront(results: readonly VariantResult[]): readonly VariantResult[] {
  return results
    .filter((each) => !results.some((other) => dominates(other, each)))
    .sort((a, b) => b.quality - a.quality || a.cost - b.cost);
}

function dominates(a: VariantResult, b: VariantResult): boolean {
  const noWorse = a.quality >= b.quality && a.cost <= b.cost && a.latencyMs <= b.latencyMs;
  return noWorse && (a.quality > b.quality || a.cost < b.cost || a.latencyMs < b.latencyMs);
}
