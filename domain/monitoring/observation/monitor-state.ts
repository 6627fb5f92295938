import { advanceClock, stoppedClock, type EventClock } from '../../rollout/event-clock';
import type { QualityState } from '../quality/quality';
import type { DriftState } from '../drift-state';
import type { EstimatedDay } from './estimated-quality';
import type { FallbackState } from './fallback-state';
import type { LabelFeedState } from '../labels/label-feed-state';
import type { LiveQuality } from './live-quality';
import type { ObservedRow, RefusedRows } from './observed';
import type { SkewResult } from './skew';
import type { VolumeState } from '../volume/volume-state';

/** What a monitor knows of its version's traffic. Plain JSON. */
export interface MonitorState {
  readonly clock: EventClock;
  /** Event time reached so far; it never goes back. */
  readonly eventNow: string | null;
  /** The newest event times, the newest first. */
  readonly newest: readonly string[];
  readonly firstEvent: string | null;
  readonly rows: number;
  readonly labels: number;
  readonly lastReceivedAt: string | null;
  /** Wall-clock time of the last look that found something, in milliseconds since 1970. */
  readonly lastFoundMs: number | null;
  /** The last hours of wall-clock time with requests, the newest last. */
  readonly hours: readonly ServiceHour[];
  /** Null before the first row, and without a reference. */
  readonly drift: DriftState | null;
  readonly quality: LiveQuality | null;
  /** Tests of the live quality; null before the first label, and without limits. */
  readonly judged: QualityState | null;
  /** Estimates without labels, of the newest days. */
  readonly estimates: readonly EstimatedDay[];
  /** Null until it was measured. */
  readonly skew: SkewResult | null;
  /** Null before the first look. It is kept when another version becomes the champion. */
  readonly volume: VolumeState | null;
  /** The same; absent in a state that is older. */
  readonly labelFeed?: LabelFeedState | null;
  /** The comparison with the former champion; null while no alarm asks for it. */
  readonly fallback: FallbackState | null;
}

export interface ServiceHour {
  readonly hour: string;
  readonly rows: number;
  /** Rows per bucket of `latencyLimitsMs`. */
  readonly latency: readonly number[];
  /** Answers above the limit of the latency. */
  readonly slow: number;
  /** Requests that got no answer, beside `rows`. */
  readonly failed: number;
  /** Answers of a language application that broke off after their first piece; absent: none. */
  readonly broken?: number;
  /** Requests that were in progress in a gateway that was killed; absent: none. */
  readonly interrupted?: number;
  /** Requests that do not fit the signature, by their causes; absent: none. */
  readonly refused?: readonly RefusedRows[];
  /** Tested together with the hour before it, because that one has few requests. */
  readonly joinsPrevious?: boolean;
}

export const emptyMonitorState: MonitorState = {
  clock: stoppedClock,
  eventNow: null,
  newest: [],
  firstEvent: null,
  rows: 0,
  labels: 0,
  lastReceivedAt: null,
  lastFoundMs: null,
  hours: [],
  drift: null,
  quality: null,
  judged: null,
  estimates: [],
  skew: null,
  volume: null,
  fallback: null,
};

/** Event time advances once this many requests have reached it, so one wrong clock moves nothing. */
const agreeing = 3;
/** Traffic with event times newer than this age is live, and then the wall clock is event time. */
const liveMs = 3_600_000;

/** Moves event time on by the new rows. */
export function withEventTime(
  state: MonitorState,
  rows: readonly Pick<ObservedRow, 'at'>[],
  { wallMs, settleMs }: { readonly wallMs: number; readonly settleMs: number },
): MonitorState {
  const times = [...state.newest, ...rows.map(({ at }) => new Date(at).toISOString())];
  const newest = times.sort().reverse().slice(0, agreeing);
  const reached = newest[agreeing - 1];
  const candidate =
    reached !== undefined && Date.parse(reached) > wallMs - liveMs
      ? new Date(wallMs).toISOString()
      : (reached ?? null);
  const eventNow =
    state.eventNow === null || (candidate !== null && candidate > state.eventNow)
      ? candidate
      : state.eventNow;
  return {
    ...state,
    newest,
    eventNow,
    clock:
      eventNow === null ? state.clock : advanceClock(state.clock, { wallMs, eventNow }, settleMs),
  };
}
