import { openCalendar } from '../../calendar';

/** Lengths of the blocks in which the quality of due labels is compared with the holdout. */
export const qualityScales = ['day', 'week', 'fourWeeks'] as const;
export type QualityScale = (typeof qualityScales)[number];
export type ByQualityScale<T> = Readonly<Record<QualityScale, T>>;

/** The mean loss, and the mean of score minus label. */
export const qualityMeasures = ['loss', 'bias'] as const;
export type QualityMeasure = (typeof qualityMeasures)[number];

export const daysOf: ByQualityScale<number> = { day: 1, week: 7, fourWeeks: 28 };

/** A request with its due label. */
export interface LabelledLoss {
  /** Event time of the request. */
  readonly at: string;
  readonly loss: number;
  /** Score minus label; null for a task without calibration, such as multiclass. */
  readonly bias: number | null;
  /** The predicted probability, for calibration by score; absent for other tasks. */
  readonly score?: number | null;
  /** Values of the slice columns, such as { origin: 'JFK' }. */
  readonly slices: Readonly<Record<string, string>>;
}

/** Sums over the labelled requests of one block. */
export interface QualitySums {
  readonly rows: number;
  readonly loss: number;
  readonly bias: number;
}

export const noQuality: QualitySums = { rows: 0, loss: 0, bias: 0 };

export function addQuality(sums: QualitySums, { loss, bias }: LabelledLoss): QualitySums {
  return { rows: sums.rows + 1, loss: sums.loss + loss, bias: sums.bias + (bias ?? 0) };
}

/** All requests, each slice of the request, and its score bin. */
export function sliceNames({ slices, score = null }: LabelledLoss): readonly string[] {
  const bin = score === null ? undefined : scoreBins[scoreBin(score)];
  return [
    allRequests,
    ...Object.entries(slices).map(([column, value]) => `${column}=${value}`),
    ...(bin === undefined ? [] : [bin]),
  ];
}

/** Ten bins of equal width, in which predicted and observed frequencies are compared. */
export const scoreBins: readonly string[] = Array.from(
  { length: 10 },
  (_, bin) => `score ${bin / 10} … ${(bin + 1) / 10}`,
);

function scoreBin(score: number): number {
  return Math.min(scoreBins.length - 1, Math.max(0, Math.floor(score * scoreBins.length)));
}

export function isScoreBin(slice: string): boolean {
  return scoreBins.includes(slice);
}

export const allRequests = 'all';

export interface QualityCalendar {
  readonly findBlocks: (at: string) => ByQualityScale<number>;
  readonly findStart: (scale: QualityScale, block: number) => string;
}

/** Days begin at midnight of the time zone, weeks on Monday. @throws RangeError for no time */
export function openQualityBlocks(timezone: string): QualityCalendar {
  const calendar = openCalendar(timezone);
  return {
    findBlocks(at) {
      const ms = Date.parse(at);
      if (Number.isNaN(ms))
        throw new RangeError(`"${at}" is not a time, such as 2013-07-01T14:05:00Z`);
      const day = calendar.findDay(ms);
      // 1970-01-01 was a Thursday.
      const week = Math.floor((day + 3) / 7);
      return { day, week, fourWeeks: Math.floor(week / 4) };
    },
    findStart: (scale, block) =>
      new Date(
        calendar.findStart(scale === 'day' ? block : block * daysOf[scale] - 3),
      ).toISOString(),
  };
}

export function mapQualityScales<T>(of: (scale: QualityScale) => T): ByQualityScale<T> {
  return { day: of('day'), week: of('week'), fourWeeks: of('fourWeeks') };
}
