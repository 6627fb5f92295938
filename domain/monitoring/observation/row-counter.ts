import { binCount, type FeatureBins } from '../bins';
import { pairScore, type FeaturePair } from '../feature-pairs';
import { isVaryingNumber, noSums, findPosition, type ValueSums } from '../jump/value-sums';
import { openBinner } from './binner';

/** What rows are counted by. */
export interface RowBins {
  readonly features: readonly FeatureBins[];
  readonly pairs: readonly FeaturePair[];
}

/** Rows by bin, by the name of the feature or pair. */
export interface RowCounts {
  readonly features: Readonly<Record<string, number[]>>;
  readonly pairs: Readonly<Record<string, number[]>>;
  /** Sums of the numeric features. */
  readonly sums: Record<string, ValueSums>;
}

/** @param name of the feature, with its index */
type ValueOf = (name: string, index: number) => unknown;

export interface RowCounter {
  readonly empty: () => RowCounts;
  readonly count: (counts: RowCounts, valueOf: ValueOf) => void;
  /** The bin of each feature. */
  readonly binRow: (valueOf: ValueOf) => Uint8Array;
}

export function openRowCounter({ features, pairs }: RowBins): RowCounter {
  const binners = features.map(openBinner);
  const pairBinners = pairs.map(({ bins }) => openBinner(bins));
  const numbers = features.flatMap((bins, index) =>
    isVaryingNumber(bins) ? [{ bins, index }] : [],
  );

  function binRow(valueOf: ValueOf): Uint8Array {
    const row = new Uint8Array(features.length);
    features.forEach(({ name }, index) => {
      row[index] = binners[index]?.(valueOf(name, index)) ?? 0;
    });
    return row;
  }

  return {
    binRow,
    empty: () => ({
      features: zerosBy(features),
      pairs: zerosBy(pairs.map(({ bins }) => bins)),
      sums: Object.fromEntries(numbers.map(({ bins }) => [bins.name, noSums])),
    }),
    count(counts, valueOf) {
      const row = binRow(valueOf);
      features.forEach(({ name }, index) => addOne(counts.features[name], row[index] ?? 0));
      pairs.forEach((pair, index) => {
        addOne(counts.pairs[pair.bins.name], pairBinners[index]?.(pairScore(pair, row)) ?? 0);
      });
      for (const { bins, index } of numbers) {
        const position = findPosition(bins, valueOf(bins.name, index));
        const { rows, sum, squares } = counts.sums[bins.name] ?? noSums;
        if (position !== null)
          counts.sums[bins.name] = {
            rows: rows + 1,
            sum: sum + position,
            squares: squares + position ** 2,
          };
      }
    },
  };
}

function zerosBy(bins: readonly FeatureBins[]): Readonly<Record<string, number[]>> {
  return Object.fromEntries(
    bins.map((each) => [each.name, new Array<number>(binCount(each)).fill(0)]),
  );
}

function addOne(counts: number[] | undefined, bin: number): void {
  if (counts) counts[bin] = (counts[bin] ?? 0) + 1;
}
