import { assumedDayCorrelation, correlationWidening } from '../../statistics/day-correlation';
import { studentQuantile } from '../../statistics/distributions';
import { emptyMean, extendMean, meanBounds, type MeanRange } from '../../statistics/mean-sequence';
import { minBlockRows, returnLevel } from '../tolerance';
import {
  addQuality,
  allRequests,
  daysOf,
  isScoreBin,
  mapQualityScales,
  noQuality,
  openQualityBlocks,
  qualityMeasures,
  qualityScales,
  scoreBins,
  sliceNames,
  type ByQualityScale,
  type LabelledLoss,
  type QualityMeasure,
  type QualityScale,
  type QualitySums,
} from './quality-blocks';
import { qualityAlpha, type QualityTest } from './quality-budget';

export interface QualitySettings {
  readonly timezone: string;
  /** The largest increase of the mean loss, as a share of the mean loss of the reference. */
  readonly maxDrop: number;
  /** The expected number of false alarms in a year, over all measures, slices and scales. */
  readonly falseAlarmsPerYear: number;
}

/** A limit is null if it is not tested, and `reason` says why. */
export interface QualityLimit {
  readonly value: number | null;
  readonly reason: string | null;
}

export interface SliceReference {
  readonly slice: string;
  readonly rows: number;
  readonly meanLoss: number;
  readonly meanBias: number;
  /** The largest mean loss of a block that is no alarm. */
  readonly loss: ByQualityScale<QualityLimit>;
  /** The largest distance of the mean of (score − label) from that of the reference. */
  readonly bias: ByQualityScale<QualityLimit>;
}

export interface QualityReference {
  readonly settings: QualitySettings;
  /** Larger losses count as this one. */
  readonly maxLoss: number;
  /** All requests first, then the slices with enough rows, then the score bins that are tested. */
  readonly slices: readonly SliceReference[];
}

const minDays = 10;
const minSliceShare = 0.05;
const maxSlices = 20;
/** Changes of calibration below it are no alarm, of all requests or a slice, and in a score bin. */
const minBias = 0.02;
const minBinBias = 0.05;

/**
 * Learns from the holdout by how much days differ. Calibration by score is the reliability diagram of
 * M. H. DeGroot and S. E. Fienberg, The Statistician 32 (1983): in each bin of the score, the mean of
 * score minus label is compared with that of the holdout, as in all requests.
 *
 * Blocks of days are compared with
 *   mean + t·sd·√((1/days + 1/days of the holdout)·(1 + ρ)/(1 − ρ))
 * where sd is that of the holdout's days and ρ the assumed correlation of days (M. S. Bartlett
 * 1946), but never with less than `maxDrop` above the mean. A holdout of a month holds no yearly
 * season.
 */
export function learnQualityReference(
  rows: readonly LabelledLoss[],
  settings: QualitySettings,
): QualityReference {
  const sorted = [...rows].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  const { findBlocks } = openQualityBlocks(settings.timezone);
  const days = sorted.map(({ at }) => findBlocks(at).day);
  const maxLoss = sorted.reduce((most, { loss }) => Math.max(most, loss), 0);
  const namesOf = sorted.map(sliceNames);
  const selectSliceRows = (slice: string): readonly DayRow[] =>
    sorted.flatMap((row, index) =>
      namesOf[index]?.includes(slice) ? [{ row, day: days[index] ?? 0 }] : [],
    );
  const names = namedSlices(sorted);
  const bins = scoreBins.filter((bin) => daysWithEnough(selectSliceRows(bin)).length >= minDays);
  const held = [...names, ...bins].map((slice) => ({ slice, rows: selectSliceRows(slice) }));
  const tests = held.flatMap(({ slice, rows }) => listSliceTests(slice, reasonsFor(slice, rows)));
  const slices = held.map((each) => sliceReference(each, { settings, tests, maxLoss }));
  return { settings, maxLoss, slices };
}

/** Why a mean of the slice is not tested; null if it is. */
function reasonsFor(
  slice: string,
  rows: readonly DayRow[],
): (measure: QualityMeasure, scale: QualityScale) => string | null {
  const days = daysWithEnough(rows).length;
  const isOfClasses = rows.length > 0 && rows.every(({ row }) => row.bias === null);
  return (measure, scale) => {
    if (measure === 'loss' && isScoreBin(slice))
      return 'score bins are tested for their calibration alone';
    if (measure === 'bias' && isOfClasses)
      return 'a predicted class has no difference from a label';
    if (slice !== allRequests && scale === 'day') return 'slices are tested by the week';
    return days < minDays ? tooFew(days) : null;
  };
}

/** Alpha of the bound that watches the loss of the newest day, if it is tested. */
export function newestDayAlpha({ slices, settings }: QualityReference): number {
  const tests = slices.flatMap((of) =>
    listSliceTests(of.slice, (measure, scale) => of[measure][scale].reason),
  );
  const newestDay = { slice: allRequests, measure: 'loss', scale: 'day' } as const;
  return qualityAlpha(newestDay, tests, settings.falseAlarmsPerYear);
}

/** @param whyNot why a measure is not tested at a scale; null if it is */
function listSliceTests(
  slice: string,
  whyNot: (measure: QualityMeasure, scale: QualityScale) => string | null,
): readonly QualityTest[] {
  return qualityMeasures.flatMap((measure) =>
    qualityScales.flatMap((scale) =>
      whyNot(measure, scale) === null ? [{ slice, measure, scale }] : [],
    ),
  );
}

/** Losses and their guessed mean, which is far below the largest loss. */
export function lossRange({
  maxLoss,
  slices,
}: Pick<QualityReference, 'maxLoss' | 'slices'>): MeanRange {
  return computeMeanRange(maxLoss, slices[0]?.meanLoss ?? 0);
}

function computeMeanRange(maxLoss: number, meanLoss: number): MeanRange {
  const max = Math.max(maxLoss, 1e-9);
  return { min: 0, max, guess: { min: 0, max: Math.min(max, Math.max(2 * meanLoss, max / 100)) } };
}

function namedSlices(rows: readonly LabelledLoss[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const row of rows)
    for (const slice of sliceNames(row)) counts.set(slice, (counts.get(slice) ?? 0) + 1);
  const large = [...counts]
    .filter(([slice]) => slice !== allRequests && !isScoreBin(slice))
    .filter(([, count]) => count >= minSliceShare * rows.length)
    .sort(([a, inA], [b, inB]) => inB - inA || (a < b ? -1 : 1))
    .slice(0, maxSlices);
  return [allRequests, ...large.map(([slice]) => slice)];
}

interface DayRow {
  readonly row: LabelledLoss;
  readonly day: number;
}

function daysWithEnough(rows: readonly DayRow[]): readonly QualitySums[] {
  const byDay = new Map<number, QualitySums>();
  for (const { row, day } of rows) byDay.set(day, addQuality(byDay.get(day) ?? noQuality, row));
  return [...byDay.values()].filter((sums) => sums.rows >= minBlockRows);
}

function sliceReference(
  { slice, rows }: { readonly slice: string; readonly rows: readonly DayRow[] },
  {
    settings,
    tests,
    maxLoss,
  }: {
    readonly settings: QualitySettings;
    readonly tests: readonly QualityTest[];
    readonly maxLoss: number;
  },
): SliceReference {
  const days = daysWithEnough(rows);
  const all = rows.reduce((sums, { row }) => addQuality(sums, row), noQuality);
  const [meanLoss, meanBias] = [all.loss / all.rows || 0, all.bias / all.rows || 0];
  const losses = days.map((sums) => sums.loss / sums.rows);
  const shifts = days.map((sums) => sums.bias / sums.rows - meanBias);
  const worst = (1 + settings.maxDrop) * meanLoss;
  const leastBias = isScoreBin(slice) ? minBinBias : minBias;
  const whyNot = reasonsFor(slice, rows);
  const limits = (measure: QualityMeasure, of: (scale: QualityScale, alpha: number) => number) =>
    mapQualityScales((scale): QualityLimit => {
      const reason = whyNot(measure, scale);
      if (reason !== null) return { value: null, reason };
      const alpha = qualityAlpha({ slice, measure, scale }, tests, settings.falseAlarmsPerYear);
      return { value: of(scale, alpha), reason: null };
    });
  return {
    slice,
    rows: all.rows,
    meanLoss,
    meanBias,
    loss: limits('loss', (scale, alpha) =>
      Math.max(
        worst,
        meanLoss + reach(losses, scale, alpha),
        scale === 'day' ? returnLevel(neededByDay(rows, maxLoss, alpha), alpha) : 0,
      ),
    ),
    bias: limits('bias', (scale, alpha) =>
      Math.max(
        leastBias,
        reach(shifts, scale, alpha / 2),
        scale === 'day' ? returnLevel(shifts.map(Math.abs), alpha) : 0,
      ),
    ),
  };
}

function tooFew(days: number): string {
  return `the holdout has ${days} days with ${minBlockRows} labels or more; at least ${minDays} are needed`;
}

/**
 * How far the mean of some new days may be from that of the reference's days: the prediction
 * interval of Student's t, for the mean and the variance of the reference are estimates.
 */
function reach(days: readonly number[], scale: QualityScale, alpha: number): number {
  const mean = days.reduce((sum, day) => sum + day, 0) / days.length;
  const variance = days.reduce((sum, day) => sum + (day - mean) ** 2, 0) / (days.length - 1);
  const sd = Math.sqrt(variance * (1 / daysOf[scale] + 1 / days.length));
  const widening = correlationWidening(assumedDayCorrelation);
  return studentQuantile(1 - alpha, days.length - 1) * sd * widening;
}

/** The largest lower bound of each day's mean loss, watched as live traffic is. */
function neededByDay(rows: readonly DayRow[], maxLoss: number, alpha: number): readonly number[] {
  const meanLoss = rows.reduce((sum, { row }) => sum + row.loss, 0) / rows.length;
  const range = computeMeanRange(maxLoss, meanLoss);
  const byDay = new Map<number, number[]>();
  for (const { row, day } of rows) pushTo(byDay, day, row.loss);
  const looks = 20;
  return [...byDay.values()].map((losses) => {
    let [state, most] = [emptyMean(), 0];
    const step = Math.max(1, Math.ceil(losses.length / looks));
    for (let from = 0; from < losses.length; from += step) {
      state = extendMean(state, range, losses.slice(from, from + step));
      most = Math.max(most, meanBounds(state, range, alpha).lower);
    }
    return most;
  });
}

function pushTo(lists: Map<number, number[]>, key: number, value: number): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
