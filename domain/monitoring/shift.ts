import type { SetBet } from './betting';
import { unusualBins, type FeatureBins } from './bins';
import type { BlockScale } from './blocks';
import { isWorthBetting, learntSet, shareIn, type ShiftMemory } from './memory';

/**
 * What is tested of each feature: its distribution, by a set of bins that is learnt from earlier
 * rows; the share of missing values; and the share of values that the reference does not hold.
 */
export const shiftKinds = ['distribution', 'missing', 'unusual'] as const;
export type ShiftKind = (typeof shiftKinds)[number];
export type ByKind<T> = Readonly<Record<ShiftKind, T>>;

/** A broken feature shows in few rows, so shares of broken values have a smaller tolerance. */
const brokenPart = 0.2;

export function chooseMinEffect(kind: ShiftKind, minEffect: number): number {
  return kind === 'distribution' ? minEffect : minEffect * brokenPart;
}

export function mapKinds<T>(of: (kind: ShiftKind) => T): ByKind<T> {
  return {
    distribution: of('distribution'),
    missing: of('missing'),
    unusual: of('unusual'),
  };
}

/** A set of bins, chosen before a batch is seen, and whether earlier rows speak for it. */
export interface ChosenSet {
  readonly set: readonly number[];
  readonly isWorth: boolean;
}

export function setsFor(
  bins: FeatureBins,
  memory: ShiftMemory,
  shares: readonly number[],
  minEffect: number,
): ByKind<ChosenSet> {
  const learnt = learntSet(memory, shares, minEffect);
  const chooseFixedSet = (kind: ShiftKind, set: readonly number[]): ChosenSet => ({
    set,
    isWorth: isWorthBetting(memory, set, shares, chooseMinEffect(kind, minEffect)),
  });
  return {
    distribution: { set: learnt ?? [], isWorth: learnt !== null },
    missing: chooseFixedSet('missing', [0]),
    unusual: chooseFixedSet('unusual', unusualBins(bins)),
  };
}

/**
 * The bet on a chosen set; null for none. An hour is short, so betting on broken values from its
 * first row costs little. A longer block would lose its wealth before a shift begins.
 */
export function betOn(
  { set, isWorth }: ChosenSet,
  at: {
    readonly kind: ShiftKind;
    readonly scale: BlockScale;
    readonly counts: readonly number[];
    readonly rows: number;
    readonly shares: readonly number[];
  },
): SetBet | null {
  const isEarly = at.kind !== 'distribution' && at.scale === 'hour';
  if (!isWorth && !isEarly) return null;
  const inside = shareIn(at.counts, set);
  return { inside, outside: at.rows - inside, share: shareIn(at.shares, set) };
}
