import type { VariantResult } from './variant';

/**
 * Those that no other beats in quality, cost and latency at once, best quality first. Of results
 * that are equal in all three, all are kept.
 */
export function paretoFront(results: readonly VariantResult[]): readonly VariantResult[] {
  return results
    .filter((each) => !results.some((other) => dominates(other, each)))
    .sort((a, b) => b.quality - a.quality || a.cost - b.cost);
}

function dominates(a: VariantResult, b: VariantResult): boolean {
  const noWorse = a.quality >= b.quality && a.cost <= b.cost && a.latencyMs <= b.latencyMs;
  return noWorse && (a.quality > b.quality || a.cost < b.cost || a.latencyMs < b.latencyMs);
}
