/** How slowly the chance of ever larger values falls. */
export interface TailIndex {
  /** Moments of this order and above are infinite. */
  readonly index: number;
  /** The largest values, from which it is estimated. */
  readonly rows: number;
}

/** Fewer rows show no tail. */
const minTailRows = 10;
const tailShare = 0.01;
/** Below it, the variance is infinite: no interval of a mean holds, however it is resampled. */
const finiteVariance = 2;

/**
 * The tail index of the largest 1 % of the values, if it is below 2 (B. M. Hill,
 * "A simple general approach to inference about the tail of a distribution", Annals of Statistics 3
 * (1975); its standard error is index/√rows). Null otherwise. Bootstrap intervals of such means are
 * wrong for any number of rows (K. B. Athreya, "Bootstrap of the mean in the infinite variance
 * case", Annals of Statistics 15 (1987)). `values`: 0 or more.
 */
export function heavyTail(values: Float64Array): TailIndex | null {
  const rows = Math.max(minTailRows, Math.floor(tailShare * values.length));
  if (values.length < 10 * minTailRows) return null;
  const sorted = values.slice().sort();
  const threshold = sorted[sorted.length - rows - 1] ?? 0;
  if (!(threshold > 0)) return null;
  let logs = 0;
  for (const value of sorted.subarray(sorted.length - rows)) logs += Math.log(value / threshold);
  const index = rows / logs;
  // A sample without its largest errors looks lighter, so half a standard error is enough.
  const isHeavy = index * (1 + 0.5 / Math.sqrt(rows)) < finiteVariance;
  return isHeavy ? { index, rows } : null;
}
