import { daysOfWeek, type Calendar } from '../../calendar';
import type { TimeWindow } from '../../dataset/dataset';

/** A half-open range of calendar days. */
export interface EvaluatedDays {
  readonly from: number;
  readonly until: number;
  /** Whole weeks; 0 when the window has fewer than seven days, which are then all in the range. */
  readonly weeks: number;
}

/** The share of a day that must be in the window, because it ends with its newest row. */
const minShareOfDay = 0.9;

/**
 * The days of a window that gates use: its last whole weeks, because weekdays differ. Rows within
 * `labelDelaySeconds` of the end have no label yet.
 */
export function wholeWeeks(
  window: TimeWindow,
  calendar: Calendar,
  labelDelaySeconds: number,
): EvaluatedDays {
  const [from, until] = [
    Date.parse(window.from),
    Date.parse(window.until) - labelDelaySeconds * 1000,
  ];
  const isCovered = (day: number): boolean => {
    const [begins, ends] = [calendar.findStart(day), calendar.findStart(day + 1)];
    return Math.min(until, ends) - Math.max(from, begins) >= minShareOfDay * (ends - begins);
  };
  let first = calendar.findDay(from);
  let end = calendar.findDay(until) + 1;
  while (first < end && !isCovered(first)) first += 1;
  while (end > first && !isCovered(end - 1)) end -= 1;
  const weeks = Math.floor((end - first) / daysOfWeek);
  return { from: weeks === 0 ? first : end - weeks * daysOfWeek, until: end, weeks };
}

/** The number of days at a window's end that are not whole because of the label delay. */
export function daysCutBy(labelDelaySeconds: number): number {
  return Math.max(0, Math.ceil(labelDelaySeconds / 86_400 - (1 - minShareOfDay)));
}

/** The settings by which a lifecycle counts days. */
export interface DayCount {
  /** IANA name. */
  readonly timezone: string;
  /** The delay from a row's time to its label. */
  readonly labelDelaySeconds: number;
}

export interface EvaluatedRows {
  readonly judged: EvaluatedDays;
  /** The calendar day of every row. */
  readonly dayOfRow: Int32Array;
  /** The rows on judged days, increasing. */
  readonly rows: Int32Array;
  /** The day of each judged row, numbered from 0 without empty days. */
  readonly day: Int32Array;
  /** Judged days with rows. */
  readonly days: number;
}

/** `times`: milliseconds since 1970, increasing. */
export function evaluatedRows(
  times: Float64Array,
  {
    window,
    calendar,
    labelDelaySeconds,
  }: {
    readonly window: TimeWindow;
    readonly calendar: Calendar;
    readonly labelDelaySeconds: number;
  },
): EvaluatedRows {
  const judged = wholeWeeks(window, calendar, labelDelaySeconds);
  const dayOfRow = Int32Array.from(times, (time) => calendar.findDay(time));
  const rows = Int32Array.from(dayOfRow.keys()).filter((row) => {
    const day = dayOfRow[row] ?? NaN;
    return day >= judged.from && day < judged.until;
  });
  const numbers = new Map<number, number>();
  const numberWeek = (day: number): number => {
    const known = numbers.get(day) ?? numbers.size;
    numbers.set(day, known);
    return known;
  };
  const day = rows.map((row) => numberWeek(dayOfRow[row] ?? NaN));
  return { judged, dayOfRow, rows, day, days: numbers.size };
}
