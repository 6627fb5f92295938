import type { MonitorSettings } from '../monitor';
import { largestLoss, type LossReference } from './live-quality';
import type { CalibrationMap } from '../quality/estimate';
import type { QualityReference } from '../quality/quality-reference';
import type { MonitorReference } from '../reference';

/** What a monitor compares a version with: an artifact, built once for each watched version. */
export interface ChampionReference {
  /** Null for rows without a time, of which no hour, day or week can be compared. */
  readonly traffic: MonitorReference | null;
  readonly skipped: readonly SkippedColumn[];
  /** Null when the version cannot be scored on its holdout. */
  readonly loss: LossReference | null;
  /** Limits of the live quality; null without a scored holdout or without times. */
  readonly quality: QualityReference | null;
  /** Map for estimates of the loss without labels; null if there are no estimates. */
  readonly calibration: CalibrationMap | null;
}

/** A request column that is not compared, and why. */
export interface SkippedColumn {
  readonly name: string;
  readonly why: string;
}

/** What the monitor of a version knows from before the first request. */
export interface ObservedVersion {
  readonly settings: MonitorSettings;
  readonly reference: ChampionReference | null;
}

/** The largest loss of one row that counts. Without a reference, errors beyond 1 count as 1. */
export function findLossBound({ settings, reference }: ObservedVersion): number {
  return largestLoss(settings.metric) ?? reference?.loss?.bound ?? 1;
}
