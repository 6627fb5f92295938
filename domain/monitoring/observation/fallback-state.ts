/** The comparison of the former champion with the champion, as the monitor keeps and shows it. */
import { emptyRanged, type RangedState } from '../../statistics/ranged-sequence';
import type { MonitorSettings } from '../monitor';

/** What a monitor keeps of the comparison. Plain JSON. */
export interface FallbackState {
  /** The version before the champion. */
  readonly former: number;
  /**
   * Event time at which the comparison began. The labels that raised the alarm do not count: they
   * were selected because the champion did badly on them, which favours any other version.
   */
  readonly since: string;
  /** The newest label that was compared. */
  readonly cursor: LabelCursor;
  /** Loss of the champion minus loss of the former one. */
  readonly pairs: RangedState;
  /** Why nothing more is compared; null if nothing prevents it. */
  readonly failure: string | null;
}

/** The order in which the monitor counts labels. */
export interface LabelCursor {
  /** Time with microseconds; with milliseconds, the newest labels would be read again. */
  readonly monitoredAt: string;
  readonly id: string;
}

export interface FallbackResult {
  readonly former: number;
  readonly since: string;
  /** Labelled requests that both versions scored. */
  readonly n: number;
  /** Mean loss of the champion minus that of the former one; null without labels. */
  readonly difference: number | null;
  readonly lower: number | null;
  /** The former one serves again once `lower` is above this. */
  readonly needed: number | null;
  readonly isBetter: boolean;
  readonly failure: string | null;
}

export function beginFallback({
  former,
  since,
  monitoredAt,
}: Pick<FallbackState, 'former' | 'since'> & { readonly monitoredAt: string }): FallbackState {
  return {
    former,
    since,
    cursor: { monitoredAt, id: '' },
    pairs: emptyRanged(),
    failure: null,
  };
}

/** Whether the settings ask for the comparison now. */
export function isFallbackDue(
  { fallback }: Pick<MonitorSettings, 'fallback'>,
  alarms: readonly { readonly kind: string }[],
): boolean {
  return fallback === 'previous' && alarms.some(({ kind }) => kind === 'quality');
}
