import { binOf, type FeatureBins } from '../bins';

const mostRemembered = 10_000;

/** Like `binOf`, and remembers the bins of texts, because rows repeat them. */
export function openBinner(bins: FeatureBins): (value: unknown) => number {
  const known = new Map<string, number>();
  return (value) => {
    if (typeof value !== 'string') return binOf(bins, value);
    const found = known.get(value);
    if (found !== undefined) return found;
    const bin = binOf(bins, value);
    if (known.size < mostRemembered) known.set(value, bin);
    return bin;
  };
}
