/**
 * What a monitor remembers of a feature's recent rows, to choose the set of bins on which it bets.
 * The memory outlives a block, because any set that is chosen before a row is allowed.
 */
export interface ShiftMemory {
  /** Shows a large shift after a few rows. */
  readonly quick: RecentRows;
  /** Shows a small shift that lasts. */
  readonly slow: RecentRows;
}

/** Earlier rows count less: after as many rows as the memory is long, e times less. */
export interface RecentRows {
  readonly weight: number;
  /** Rows by bin, minus those that the reference expects. */
  readonly excess: readonly number[];
}

const lengths = { quick: 50, slow: 1000 };
/** The reference counts like this many rows when shares are estimated. */
const priorRows = 5;
/** Log-likelihood ratio of the recent rows that makes a set worth a bet. */
const minRatio = 1;

export function emptyMemory(bins: number): ShiftMemory {
  const none = { weight: 0, excess: new Array<number>(bins).fill(0) };
  return { quick: none, slow: none };
}

/** @param shares Q by bin in the season of the rows */
export function remember(
  { quick, slow }: ShiftMemory,
  counts: readonly number[],
  shares: readonly number[],
): ShiftMemory {
  const rows = sumCounts(counts);
  const news = shares.map((share, bin) => (counts[bin] ?? 0) - rows * share);
  return {
    quick: after(quick, rows, news, lengths.quick),
    slow: after(slow, rows, news, lengths.slow),
  };
}

function after(
  { weight, excess }: RecentRows,
  rows: number,
  news: readonly number[],
  length: number,
): RecentRows {
  const kept = Math.exp(-rows / length);
  return {
    weight: weight * kept + rows,
    excess: excess.map((each, bin) => each * kept + (news[bin] ?? 0)),
  };
}

/**
 * The set of bins for which the recent rows are the strongest evidence, at a tolerance of
 * `minEffect`; null if none is worth a bet. By the lemma of J. Neyman and E. S. Pearson (1933), only
 * sets with the largest ratios of recent to reference share need to be looked at.
 */
export function learntSet(
  { quick, slow }: ShiftMemory,
  shares: readonly number[],
  minEffect: number,
): readonly number[] | null {
  const [fast, steady] = [bestSet(quick, shares, minEffect), bestSet(slow, shares, minEffect)];
  const best = fast.ratio > steady.ratio ? fast : steady;
  return best.ratio < minRatio ? null : best.set;
}

/** Whether the recent rows are evidence that the share of a set is above what is allowed. */
export function isWorthBetting(
  { quick, slow }: ShiftMemory,
  set: readonly number[],
  shares: readonly number[],
  minEffect: number,
): boolean {
  return [quick, slow].some((recent) => {
    const gain = shareIn(recent.excess, set);
    if (gain <= 0) return false;
    const expected = shareIn(shares, set);
    const found = expected + gain / (recent.weight + priorRows);
    return recent.weight * computeGrowth(found, expected + minEffect) >= minRatio;
  });
}

export function shareIn(shares: readonly number[], set: readonly number[]): number {
  let sum = 0;
  for (const bin of set) sum += shares[bin] ?? 0;
  return sum;
}

export function sumCounts(counts: readonly number[]): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}

function bestSet({ weight, excess }: RecentRows, shares: readonly number[], minEffect: number) {
  const gains: { bin: number; gain: number; ratio: number }[] = [];
  excess.forEach((each, bin) => {
    const gain = each / (weight + priorRows);
    if (gain > 0) gains.push({ bin, gain, ratio: gain / Math.max(shares[bin] ?? 0, 1e-9) });
  });
  let [ratio, size, found, expected] = [0, 0, 0, 0];
  // No set of these bins can exceed the tolerance.
  if (gains.reduce((sum, { gain }) => sum + gain, 0) <= minEffect) return { ratio, set: [] };
  gains.sort((a, b) => b.ratio - a.ratio || a.bin - b.bin);
  gains.forEach(({ bin, gain }, index) => {
    found += (shares[bin] ?? 0) + gain;
    expected += shares[bin] ?? 0;
    const evidence = weight * computeGrowth(found, expected + minEffect);
    if (evidence > ratio) [ratio, size] = [evidence, index + 1];
  });
  return { ratio, set: gains.slice(0, size).map(({ bin }) => bin) };
}

/**
 * The best growth of log-wealth per row: the Kullback-Leibler divergence of two shares (J. L. Kelly,
 * "A new interpretation of information rate", Bell System Technical Journal 35 (1956)); 0 if the
 * share is not above what is allowed.
 */
function computeGrowth(share: number, allowed: number): number {
  if (share <= allowed || allowed >= 1) return 0;
  const bounded = Math.min(share, 1);
  const rest = bounded < 1 ? (1 - bounded) * Math.log((1 - bounded) / (1 - allowed)) : 0;
  return bounded * Math.log(bounded / allowed) + rest;
}
