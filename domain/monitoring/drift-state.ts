import { emptyWealth } from './betting';
import { mapScales, type ByScale } from './blocks';
import type { JumpState } from './jump/jump-test';
import { emptyMemory, type ShiftMemory } from './memory';
import type { FeatureReference, MonitorReference } from './reference';
import { mapKinds, type ByKind } from './shift';

/** What a monitor keeps of the traffic that it has counted. Plain JSON, and pure functions. */
export interface DriftState {
  readonly rows: number;
  /** Rows that arrived after their block closed; excluded from its tests. */
  readonly lateRows: ByScale<number>;
  /** The newest block of each scale. */
  readonly blocks: ByScale<number | null>;
  readonly features: readonly FeatureState[];
  readonly score: FeatureState | null;
  readonly pairs: readonly FeatureState[];
}

export interface FeatureState {
  readonly memory: ShiftMemory;
  /** Rows of the newest block and of the one before it with rows, for effect sizes. */
  readonly counts: ByScale<{ readonly newest: BlockCounts; readonly last: BlockCounts | null }>;
  readonly tests: ByKind<ByScale<TestState>>;
  /** Absent if jump tests are off or no number was seen yet. */
  readonly jump?: JumpState;
}

export interface BlockCounts {
  readonly bins: readonly number[];
  /** Rows by season, to compute expected counts from the reference. */
  readonly seasons: readonly number[];
}

export interface TestState {
  /** Log-wealth by stake in the newest block. */
  readonly wealth: readonly number[];
  /** Maximum of the log-wealth in the newest block. */
  readonly most: number;
  readonly alarm: DriftAlarm | null;
  /** Number of alarms so far. */
  readonly raised: number;
}

export interface DriftAlarm {
  /** The start of the first block that raised the alarm. */
  readonly since: string;
  /** The hour whose rows raised it. */
  readonly raisedAt: string;
}

export function emptyDrift(reference: MonitorReference): DriftState {
  return {
    rows: 0,
    lateRows: mapScales(() => 0),
    blocks: mapScales(() => null),
    features: reference.features.map(emptyFeature),
    score: reference.score && emptyFeature(reference.score),
    pairs: reference.pairs.map(emptyFeature),
  };
}

export function emptyFeature({ shares }: FeatureReference): FeatureState {
  const none = { bins: (shares[0] ?? []).map(() => 0), seasons: shares.map(() => 0) };
  return {
    memory: emptyMemory(none.bins.length),
    counts: mapScales(() => ({ newest: none, last: null })),
    tests: mapKinds(() =>
      mapScales(() => ({ wealth: emptyWealth(), most: 0, alarm: null, raised: 0 })),
    ),
  };
}

export function emptyCounts({ bins, seasons }: BlockCounts): BlockCounts {
  return { bins: bins.map(() => 0), seasons: seasons.map(() => 0) };
}
