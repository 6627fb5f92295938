/** Folds new requests and labels into the state of a monitor. Pure. */
import { classPredictionIn } from '../../evaluation/class-prediction';
import { listAlarms } from './alarms';
import { openBinner } from './binner';
import { computeAge, binCount } from '../bins';
import { addHourCounts } from '../drift';
import { emptyDrift } from '../drift-state';
import { driftResults } from '../drift-results';
import { addLabelledLosses, emptyQuality } from '../quality/quality';
import { qualityResults } from '../quality/quality-results';
import { addEstimates, estimateResult } from './estimated-quality';
import { fallbackResult } from './fallback';
import { isFallbackDue } from './fallback-state';
import { labelFeedResult } from '../labels/label-feed-result';
import { addLosses, computeLoss, qualityResult, withPoint } from './live-quality';
import type { MonitorResults } from './monitor-results';
import type { MonitorState } from './monitor-state';
import { findLossBound, type ObservedVersion } from './champion-reference';
import type {
  FailedHour,
  InterruptedHour,
  ObservedLabel,
  ObservedRow,
  RefusedHour,
} from './observed';
import type { HourCounts, MonitorReference } from '../reference';
import { refusedRequests } from '../service/refused-requests';
import { openRowCounter, type RowBins, type RowCounts } from './row-counter';
import { addService, latencyBucket, oneIn, serviceResult } from '../service/service';
import { unknownResults } from './unknown';
import { addCounts, addWindows, emptyWindow, toHour, type WindowCounts } from './window';

export interface NewTraffic {
  readonly rows: readonly ObservedRow[];
  readonly labels: readonly ObservedLabel[];
  /** Requests of the last day that got no answer, and those that do not fit the signature. */
  readonly failed: readonly FailedHour[];
  readonly interrupted: readonly InterruptedHour[];
  readonly refused: readonly RefusedHour[];
}

export interface ObservedTraffic {
  readonly state: MonitorState;
  readonly results: MonitorResults;
  /** New counts by hour of event time. */
  readonly windows: ReadonlyMap<string, WindowCounts>;
}

export function observe(
  state: MonitorState,
  { rows, labels, failed, interrupted, refused }: NewTraffic,
  version: ObservedVersion,
): ObservedTraffic {
  const traffic = version.reference?.traffic ?? null;
  const windows = new Map<string, WindowCounts>();
  const counted = countRows(rows, {
    traffic,
    clock: state.eventNow ?? state.newest.at(-1) ?? null,
  });
  for (const { hour, ...counts } of counted)
    windows.set(hour, addWindows(windows.get(hour) ?? emptyWindow, toWindowCounts(counts)));
  const { quality, judged, losses } = countLabels(state, labels, version);
  for (const [hour, counts] of losses)
    windows.set(hour, addWindows(windows.get(hour) ?? emptyWindow, counts));
  const next: MonitorState = {
    ...state,
    rows: state.rows + rows.length,
    labels: state.labels + labels.length,
    firstEvent: state.firstEvent ?? rows[0]?.at ?? null,
    lastReceivedAt: findNewest(state.lastReceivedAt, rows),
    hours: addService(
      state.hours,
      { rows, failed, interrupted, refused },
      version.settings.service,
    ),
    drift:
      traffic && addHourCounts(state.drift ?? emptyDrift(traffic), traffic, mergeBatches(counted)),
    quality,
    judged,
    estimates: addEstimates(state.estimates, rows, {
      map: version.reference?.calibration ?? null,
      metric: version.settings.metric,
    }),
  };
  const results = buildMonitorResults(next, version);
  if (isFallbackDue(version.settings, results.alarms)) return { state: next, results, windows };
  return { state: { ...next, fallback: null }, results: { ...results, fallback: null }, windows };
}

function buildMonitorResults(state: MonitorState, version: ObservedVersion): MonitorResults {
  const { settings, reference } = version;
  const drift =
    state.drift && reference?.traffic ? driftResults(state.drift, reference.traffic) : [];
  const quality = state.quality && {
    ...qualityResult(state.quality, settings, reference?.loss ?? null, findLossBound(version)),
    tests:
      state.judged && reference?.quality ? qualityResults(state.judged, reference.quality) : [],
  };
  const service = serviceResult(state, settings);
  const refused = refusedRequests(state.hours, settings);
  const volume = (settings.volume.enabled && state.volume?.result) || null;
  const labelFeed = state.labelFeed ? labelFeedResult(state.labelFeed) : null;
  return {
    drift,
    quality,
    estimate: estimateResult(state.estimates, settings.metric),
    service,
    refused,
    volume,
    labelFeed,
    skew: state.skew,
    fallback: state.fallback && fallbackResult(state.fallback, version),
    alarms: listAlarms(
      { drift, quality, service, refused, volume, labelFeed, skew: state.skew },
      settings,
    ),
    unknown: unknownResults(state, { drift, quality }, version),
  };
}

/** Each bet is learnt from earlier rows, so a batch is split into up to eight parts. */
const maxParts = 8;
const minPartRows = 10;

/** The rows of each hour of event time in up to eight parts, by hour. */
function countRows(
  rows: readonly ObservedRow[],
  { traffic, clock }: { readonly traffic: MonitorReference | null; readonly clock: string | null },
): readonly CountedPart[] {
  const counter = openRowCounter(buildRowBins(traffic));
  const ages = agesIn(traffic);
  const scoreBins = traffic?.score?.bins ?? null;
  const scoreBin = scoreBins && openBinner(scoreBins);
  return [...rowsByHour(rows, clock)].sort(byHour).flatMap(([hour, ofHour]) =>
    splitRows(ofHour).map((part) => {
      const counted: CountedPart = {
        hour,
        rows: part.length,
        counts: counter.empty(),
        score: scoreBins ? new Array<number>(binCount(scoreBins)).fill(0) : [],
        latency: [],
      };
      for (const { at, input, output, latencyMs } of part) {
        const values = (input ?? {}) as Readonly<Record<string, unknown>>;
        counter.count(counted.counts, (name) =>
          ages.has(name) ? computeAge(values[name], at) : values[name],
        );
        if (scoreBin) {
          const bin = scoreBin(toOutput(output));
          counted.score[bin] = (counted.score[bin] ?? 0) + 1;
        }
        counted.latency = addCounts(counted.latency, oneIn(latencyBucket(latencyMs)));
      }
      return counted;
    }),
  );
}

/**
 * Rows with a future event time count in the current hour; otherwise they would close it early.
 */
function rowsByHour(
  rows: readonly ObservedRow[],
  clock: string | null,
): ReadonlyMap<string, readonly ObservedRow[]> {
  const byHour = new Map<string, ObservedRow[]>();
  for (const row of rows) {
    const time = clock !== null && Date.parse(row.at) > Date.parse(clock) ? clock : row.at;
    const hour = toHour(time);
    const known = byHour.get(hour);
    if (known === undefined) byHour.set(hour, [row]);
    else known.push(row);
  }
  return byHour;
}

function byHour([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

/** Parts of equal length, in the order of the rows. */
function splitRows(rows: readonly ObservedRow[]): readonly (readonly ObservedRow[])[] {
  const parts = Math.max(1, Math.min(maxParts, Math.floor(rows.length / minPartRows)));
  return Array.from({ length: parts }, (_, part) =>
    rows.slice(
      Math.round((part * rows.length) / parts),
      Math.round(((part + 1) * rows.length) / parts),
    ),
  );
}

function toWindowCounts({ counts, rows, score, latency }: Omit<CountedPart, 'hour'>): WindowCounts {
  const { features, pairs } = counts;
  return { ...emptyWindow, rows, features, pairs, score, latency };
}

function buildRowBins(traffic: MonitorReference | null): RowBins {
  return {
    features: (traffic?.features ?? []).map(({ bins }) => bins),
    pairs: traffic?.pairs ?? [],
  };
}

/** Columns of times that are compared by their age. */
function agesIn(traffic: MonitorReference | null): ReadonlySet<string> {
  return new Set(
    (traffic?.features ?? []).flatMap(({ bins }) =>
      bins.kind === 'number' && bins.of === 'age' ? [bins.name] : [],
    ),
  );
}

/** Rows of an hour of event time, in the order in which they were stored. */
interface CountedPart {
  readonly hour: string;
  readonly rows: number;
  readonly counts: RowCounts;
  readonly score: number[];
  latency: readonly number[];
}

function toOutput(output: unknown): unknown {
  const prediction = classPredictionIn(output);
  return prediction?.class ?? (output as { readonly score?: unknown } | null)?.score;
}

function mergeBatches(counted: readonly CountedPart[]): readonly HourCounts[] {
  return counted.map(({ hour, counts, score }) => ({
    hour,
    ...counts,
    score: score.length === 0 ? null : score,
  }));
}

function countLabels(
  state: MonitorState,
  labels: readonly ObservedLabel[],
  version: ObservedVersion,
): {
  readonly quality: MonitorState['quality'];
  readonly judged: MonitorState['judged'];
  readonly losses: ReadonlyMap<string, WindowCounts>;
} {
  const { settings } = version;
  const bound = findLossBound(version);
  const losses = labels.flatMap((each) => {
    const loss = computeLoss(settings, each, bound);
    const values = sliceValues(each.input, settings.quality.slices);
    const slices = Object.entries(values).map(([column, value]) => `${column}=${value}`);
    return loss === null ? [] : [{ ...loss, slices, values }];
  });
  const windows = new Map<string, WindowCounts>();
  for (const { at, loss } of losses) {
    const hour = toHour(at);
    const counts = { ...emptyWindow, labels: 1, loss };
    windows.set(hour, addWindows(windows.get(hour) ?? emptyWindow, counts));
  }
  const limits = version.reference?.quality ?? null;
  const tested = losses.map(({ at, loss, difference, score = null, values }) => ({
    at,
    loss,
    bias: difference,
    score,
    slices: values,
  }));
  const last = losses.at(-1);
  const quality = addLosses(state.quality, losses, bound);
  return {
    quality: quality && last ? withPoint(quality, settings, last.at, bound) : quality,
    judged: limits && addLabelledLosses(state.judged ?? emptyQuality(limits), limits, tested),
    losses: windows,
  };
}

/** Column → value of the request as text. */
export function sliceValues(
  row: unknown,
  columns: readonly string[],
): Readonly<Record<string, string>> {
  const values = (row ?? {}) as Readonly<Record<string, unknown>>;
  return Object.fromEntries(columns.map((column) => [column, formatValue(values[column])]));
}

function formatValue(value: unknown): string {
  if (value === null || value === undefined) return 'missing';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function findNewest(known: string | null, rows: readonly ObservedRow[]): string | null {
  return rows.reduce<string | null>(
    (newest, { receivedAt }) =>
      newest === null || Date.parse(receivedAt) > Date.parse(newest) ? receivedAt : newest,
    known,
  );
}
