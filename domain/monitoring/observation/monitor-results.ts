import type { HistoryPoint } from '../../rollout/history';
import type { FeatureDrift } from '../drift-results';
import type { QualityResult } from '../quality/quality-results';
import type { EstimateResult } from './estimated-quality';
import type { FallbackResult } from './fallback-state';
import type { LabelFeedResult } from '../labels/label-feed-result';
import type { RefusedRows } from './observed';
import type { SkewResult } from './skew';
import type { VolumeResult } from '../volume/volume';

/** What a monitor shows of a version. Plain JSON, stored with the state from which it follows. */
export interface MonitorResults {
  /** Features with an alarm first, then by effect. Empty without a reference. */
  readonly drift: readonly FeatureDrift[];
  /** Null while no label is due, or without labels that the metric can use. */
  readonly quality: LiveQualityResult | null;
  /** An estimate of the loss without labels; it raises no alarm. */
  readonly estimate: EstimateResult | null;
  readonly service: ServiceResult;
  /** Null if no request was refused. */
  readonly refused: RefusedRequests | null;
  /** Null until it was judged, or if the settings turn it off. */
  readonly volume: VolumeResult | null;
  /** Null until the labels of a day were judged; absent in older results. */
  readonly labelFeed?: LabelFeedResult | null;
  readonly skew: SkewResult | null;
  /** The comparison with the former champion; null while no alarm asks for it. */
  readonly fallback: FallbackResult | null;
  /** The most severe first. */
  readonly alarms: readonly MonitorAlarm[];
  /** What the monitor cannot tell, why, and when it will. */
  readonly unknown: readonly UnknownResult[];
}

export interface LiveQualityResult {
  readonly metric: string;
  /** Labelled requests of the current four weeks of event time, and since the version serves. */
  readonly n: number;
  readonly total: number;
  readonly since: string;
  readonly estimate: number;
  readonly lower: number;
  readonly upper: number;
  /** Mean loss on the holdout; null if it was not measured. */
  readonly reference: number | null;
  /** The loss on the holdout plus `maxDrop`. The limits of `tests` are not below it. */
  readonly limit: number | null;
  /** Mean prediction minus mean label, for a probability or a number. */
  readonly bias: number | null;
  /** The largest mean loss first. */
  readonly slices: readonly SliceResult[];
  readonly history: readonly HistoryPoint[];
  /** The mean loss and the bias of blocks of days, with their limits. Open alarms first. */
  readonly tests: readonly QualityResult[];
}

export interface SliceResult {
  readonly slice: string;
  readonly n: number;
  readonly estimate: number;
  /**
   * Band of the mean. Null if the slice was counted without a sequence. Results that are older than
   * the band have neither key.
   */
  readonly lower: number | null;
  readonly upper: number | null;
}

export interface ServiceResult {
  /** Requests of the last 24 hours with requests. */
  readonly rows: number;
  /** Upper bounds in milliseconds; null without requests. */
  readonly p50Ms: number | null;
  readonly p97Ms: number | null;
  readonly lastReceivedAt: string | null;
  /** Requests of these hours that got no answer, beside `rows`. */
  readonly failed: number;
  /** Requests of these hours in gateways that were killed, at most. They are not tested. */
  readonly interrupted: number;
  readonly hours: readonly {
    readonly hour: string;
    readonly rows: number;
    readonly failed: number;
  }[];
  /** The tests of the newest hour, or of several hours that have few requests. */
  readonly tests: readonly ServiceTest[];
}

const newFigures = { interrupted: 0 };

/** Stored results may be older than a figure. */
export function withNewFigures(stored: MonitorResults): MonitorResults {
  return { ...stored, service: { ...newFigures, ...stored.service } };
}

/** Whether too large a share of the requests failed, or was answered too slowly. */
export interface ServiceTest extends ShareTest {
  readonly measure: 'failed' | 'slow';
  /** Latency that counts as slow, for the measure of slow answers. */
  readonly maxMs: number | null;
}

/** The test of a share of the requests in the newest hours that were judged. */
export interface ShareTest {
  readonly limit: number;
  /** Requests that were tested together, and the number of hours with requests that hold them. */
  readonly requests: number;
  readonly hours: number;
  /** Null while there are fewer than 20 requests that do not exceed the limit. */
  readonly share: number | null;
  readonly lower: number | null;
  /** The start of the first hour since which the limit is exceeded; null if it is not. */
  readonly since: string | null;
}

/** Requests that the gateways refused, because they do not fit the signature of the model. */
export interface RefusedRequests {
  /** Of the last 24 hours with requests. Each refused request counts as one row. */
  readonly rows: number;
  /** Answered, failed and refused rows of these hours. */
  readonly requests: number;
  /** Since the alarm began, or in these hours. The most frequent first; a request may have several. */
  readonly causes: readonly RefusedRows[];
  /** The refused requests that `causes` are about. */
  readonly causeCount: number;
  readonly test: ShareTest;
}

export const alarmKinds = [
  'service',
  'quality',
  'skew',
  'data',
  'drift',
  'volume',
  'labels',
] as const;

export interface MonitorAlarm {
  /** The same as long as the alarm is open. */
  readonly key: string;
  readonly kind: (typeof alarmKinds)[number];
  readonly feature: string | null;
  readonly title: string;
  /** Event time of the first rows that show it. */
  readonly since: string;
  readonly effect: number;
  /** The effect in words: its value with its unit, its band if it has one, and its limit. */
  readonly size: string;
  /** The slice of the requests that it is about; null for all of them. */
  readonly slice: string | null;
}

export interface UnknownResult {
  readonly what: string;
  readonly why: string;
  /** When it will be known, in words; null if that cannot be said. */
  readonly until: string | null;
}
