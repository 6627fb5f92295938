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
  scoreBins,
  sliceNames,
  type ByQualityScale,
  type LabelledLoss,
  type QualityScale,
  type QualitySums,
} from './quality-blocks';

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
const scaleCount = 3;
/** Changes of calibration below it are no alarm, of all requests or a slice, and in a score bin. */
const minBias = 0.02;
const minBinBias = 0.05;
/** The part of the false alarms for calibration by score, if there are bins to test. */
const calibrationShare = 0.2;
/** Bins of the score are tested by weeks and four weeks. */
const calibrationScales = 2;

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
export function qualityReferenceOf(
  rows: readonly LabelledLoss[],
  settings: QualitySettings,
): QualityReference {
  const sorted = [...rows].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  const { blocksOf } = openQualityBlocks(settings.timezone);
  const days = sorted.map(({ at }) => blocksOf(at).day);
  const maxLoss = sorted.reduce((most, { loss }) => Math.max(most, loss), 0);
  const namesOf = sorted.map(sliceNames);
  const rowsOf = (slice: string): readonly DayRow[] =>
    sorted.flatMap((row, index) =>
      namesOf[index]?.includes(slice) ? [{ row, day: days[index] ?? 0 }] : [],
    );
  const names = namedSlices(sorted);
  const bins = scoreBins.filter((bin) => daysWithEnough(rowsOf(bin)).length >= minDays);
  const tests = { slices: names.length, bins: bins.length };
  const slices = [...names, ...bins].map((slice) =>
    sliceReference(slice, rowsOf(slice), { settings, tests, maxLoss }),
  );
  return { settings, maxLoss, slices };
}

interface QualityTests {
  /** All requests and the slices. */
  readonly slices: number;
  readonly bins: number;
}

/** The probability of a false alarm of one test in one block. */
function qualityAlpha(
  { slices, bins }: QualityTests,
  scale: QualityScale,
  { falseAlarmsPerYear }: QualitySettings,
): number {
  const share = bins === 0 ? 1 : 1 - calibrationShare;
  return (share * falseAlarmsPerYear * daysOf[scale]) / (scaleCount * (slices + 1) * 365.25);
}

function calibrationAlpha(
  { bins }: QualityTests,
  scale: QualityScale,
  { falseAlarmsPerYear }: QualitySettings,
): number {
  const share = calibrationShare / (calibrationScales * bins);
  return (share * falseAlarmsPerYear * daysOf[scale]) / 365.25;
}

/** Of the bound that watches the loss of the newest day. */
export function newestDayAlpha({ slices, settings }: QualityReference): number {
  const bins = slices.filter(({ slice }) => isScoreBin(slice)).length;
  return qualityAlpha({ slices: slices.length - bins, bins }, 'day', settings);
}

/** Losses and their guessed mean, which is far below the largest loss. */
export function lossRange({
  maxLoss,
  slices,
}: Pick<QualityReference, 'maxLoss' | 'slices'>): MeanRange {
  return rangeOf(maxLoss, slices[0]?.meanLoss ?? 0);
}

function rangeOf(maxLoss: number, meanLoss: number): MeanRange {
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
  slice: string,
  rows: readonly DayRow[],
  at: {
    readonly settings: QualitySettings;
    readonly tests: QualityTests;
    readonly maxLoss: number;
  },
): SliceReference {
  const days = daysWithEnough(rows);
  const all = rows.reduce((sums, { row }) => addQuality(sums, row), noQuality);
  const [meanLoss, meanBias] = [all.loss / all.rows || 0, all.bias / all.rows || 0];
  const { settings, tests } = at;
  const losses = days.map((sums) => sums.loss / sums.rows);
  const shifts = days.map((sums) => sums.bias / sums.rows - meanBias);
  const worst = (1 + settings.maxDrop) * meanLoss;
  const isBin = isScoreBin(slice);
  const alpha = (scale: QualityScale) =>
    isBin ? calibrationAlpha(tests, scale, settings) : qualityAlpha(tests, scale, settings);
  const limit = (scale: QualityScale, of: () => number): QualityLimit => {
    if (slice !== allRequests && scale === 'day') return off('slices are tested by the week');
    return days.length < minDays ? off(tooFew(days.length)) : { value: of(), reason: null };
  };
  return {
    slice,
    rows: all.rows,
    meanLoss,
    meanBias,
    loss: mapQualityScales((scale) =>
      isBin
        ? off('score bins are tested for their calibration alone')
        : limit(scale, () =>
            Math.max(
              worst,
              meanLoss + reach(losses, scale, alpha(scale)),
              scale === 'day'
                ? returnLevel(neededByDay(rows, at.maxLoss, alpha('day')), alpha('day'))
                : 0,
            ),
          ),
    ),
    bias: mapQualityScales((scale) =>
      limit(scale, () =>
        Math.max(
          isBin ? minBinBias : minBias,
          reach(shifts, scale, alpha(scale) / 2),
          scale === 'day' ? returnLevel(shifts.map(Math.abs), alpha('day')) : 0,
        ),
      ),
    ),
  };
}

function tooFew(days: number): string {
  return `the holdout has ${days} days with ${minBlockRows} labels or more; it takes ${minDays}`;
}

function off(reason: string): QualityLimit {
  return { value: null, reason };
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
  const range = rangeOf(maxLoss, meanLoss);
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
