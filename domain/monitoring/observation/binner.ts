import { findBin, type FeatureBins } from '../bins';

const maxRemembered = 10_000;

/** Like `findBin`, and remembers the bins of texts, because rows repeat them. */
export function openBinner(bins: FeatureBins): (value: unknown) => number {
  const known = new Map<string, number>();
  return (value) => {
    if (typeof value !== 'string') return findBin(bins, value);
    const found = known.get(value);
    if (found !== undefined) return found;
    const bin = findBin(bins, value);
    if (known.size < maxRemembered) known.set(value, bin);
    return bin;
  };
}
