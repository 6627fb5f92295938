/**
 * The bins in which a monitor counts the values of a feature. Bin 0 holds missing values. A number
 * has a bin far below the reference's range, inner bins, one far above it, and one for values that
 * are not numbers. Far is further than the range is wide, since new extremes are usual. A category has a bin for each frequent value, one for the rare values, and one
 * for values that the reference does not hold.
 */
export type FeatureBins = NumberBins | CategoryBins;

export interface NumberBins {
  readonly kind: 'number';
  readonly name: string;
  /** Ascending. The first and the last are the reference's smallest and largest number. */
  readonly edges: readonly number[];
  /** Of a time: the seconds from it to the event time, which show when a feature goes stale. */
  readonly of?: 'age';
}

export interface CategoryBins {
  readonly kind: 'category';
  readonly name: string;
  readonly values: readonly string[];
  /** Known values that share one bin. */
  readonly rare: readonly string[];
}

/** Ten inner bins show a shift of shares of 0.1, and their counts stay small. */
const innerBins = 10;
const maxValues = 30;
/** Rarer values share a bin. */
const minValueShare = 0.002;

/** Bins of equal shares, from numbers of the reference in any order. */
export function numberBins(name: string, numbers: readonly number[]): NumberBins {
  const sorted = numbers.filter(Number.isFinite).sort((a, b) => a - b);
  const edges = new Set<number>();
  for (let index = 0; index <= innerBins; index += 1) {
    const edge = sorted[Math.round((index * (sorted.length - 1)) / innerBins)];
    if (edge !== undefined) edges.add(edge);
  }
  return { kind: 'number', name, edges: [...edges] };
}

/** @param ages in seconds, of the times in a column */
export function ageBins(name: string, ages: readonly number[]): NumberBins {
  return { ...numberBins(name, ages), of: 'age' };
}

/** Seconds from a value to the event time; the value itself if it is no time. */
export function computeAge(value: unknown, at: string): unknown {
  if (typeof value !== 'string') return value;
  const seconds = (Date.parse(at) - Date.parse(value)) / 1000;
  return Number.isNaN(seconds) ? value : seconds;
}

/** How a feature is called where it is shown. */
export function featureTitle(bins: FeatureBins): string {
  return bins.kind === 'number' && bins.of === 'age' ? `age of ${bins.name}` : bins.name;
}

/** Bins of the most frequent values, from the number of rows of each value. */
export function categoryBins(
  name: string,
  counts: readonly (readonly [value: string, rows: number])[],
): CategoryBins {
  const rows = counts.reduce((sum, [, count]) => sum + count, 0);
  const sorted = [...counts].sort(
    ([a, inA], [b, inB]) => inB - inA || (a < b ? -1 : Number(a !== b)),
  );
  const values = sorted
    .slice(0, maxValues)
    .filter(([, count]) => count >= minValueShare * rows)
    .map(([value]) => value);
  return { kind: 'category', name, values, rare: sorted.slice(values.length).map(([v]) => v) };
}

export function binCount(bins: FeatureBins): number {
  return bins.kind === 'number' ? countInnerBins(bins) + 4 : bins.values.length + 3;
}

/** The bin of a value of a request. Total: each value has a bin. */
export function findBin(bins: FeatureBins, value: unknown): number {
  if (isMissing(value)) return 0;
  return bins.kind === 'number' ? numberBin(bins, value) : categoryBin(bins, value);
}

export function binLabel(bins: FeatureBins, bin: number): string {
  if (bin === 0) return 'missing';
  return bins.kind === 'number' ? numberLabel(bins, bin) : categoryLabel(bins, bin);
}

/** What values of a bin are; null for the usual ones. */
export const binProblems = ['missing', 'out-of-range', 'unseen', 'wrong-type'] as const;
export type BinProblem = (typeof binProblems)[number];

export function binProblem(bins: FeatureBins, bin: number): BinProblem | null {
  if (bin === 0) return 'missing';
  if (!unusualBins(bins).includes(bin)) return null;
  if (bins.kind === 'category') return 'unseen';
  return bin === binCount(bins) - 1 ? 'wrong-type' : 'out-of-range';
}

/** Bins of values unlike the reference: far out of its range, unseen, of another type. */
export function unusualBins(bins: FeatureBins): readonly number[] {
  const last = binCount(bins) - 1;
  return bins.kind === 'number' ? [1, last - 1, last] : [last];
}

/** A number for each bin, to estimate means from counts; null for bins without numbers. */
export function binMiddles({ edges }: NumberBins): readonly (number | null)[] {
  const [first = 0, last = first] = [edges[0], edges.at(-1)];
  const inner = edges.slice(0, countInnerBins({ edges }));
  const middles = inner.map((edge, index) => (edge + (edges[index + 1] ?? edge)) / 2);
  return [null, first, ...middles, last, null];
}

function isMissing(value: unknown): boolean {
  return value === null || value === undefined || Number.isNaN(value);
}

/** The last inner bin includes the largest number. One distinct number has one inner bin. */
function countInnerBins({ edges }: { readonly edges: readonly number[] }): number {
  return Math.max(1, edges.length - 1);
}

function numberBin(bins: NumberBins, value: unknown): number {
  const { edges } = bins;
  const inner = countInnerBins(bins);
  const [first, last] = [edges[0], edges.at(-1)];
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (typeof number !== 'number') return inner + 3;
  if (first === undefined || last === undefined || number > 2 * last - first) return inner + 2;
  if (number < 2 * first - last) return 1;
  let [low, high] = [0, inner - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (number >= (edges[middle] ?? Infinity)) low = middle;
    else high = middle - 1;
  }
  return low + 2;
}

function categoryBin({ values, rare }: CategoryBins, value: unknown): number {
  const text = categoryText(value);
  if (text === null) return values.length + 2;
  const index = values.indexOf(text);
  if (index >= 0) return index + 1;
  return values.length + (rare.includes(text) ? 1 : 2);
}

/** A list or an object is no category. */
function categoryText(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : null;
}

function numberLabel(bins: NumberBins, bin: number): string {
  const { edges } = bins;
  const inner = countInnerBins(bins);
  const formatEdge = (edge: number | undefined) => String(Number((edge ?? NaN).toPrecision(4)));
  if (bin === 1) return `far below ${formatEdge(edges[0])}`;
  if (bin === inner + 2) return `far above ${formatEdge(edges.at(-1))}`;
  if (bin === inner + 3) return 'not a number';
  return `${formatEdge(edges[bin - 2])} … ${formatEdge(edges[bin - 1] ?? edges[bin - 2])}`;
}

function categoryLabel({ values }: CategoryBins, bin: number): string {
  return values[bin - 1] ?? (bin === values.length + 1 ? 'rare values' : 'unseen values');
}
