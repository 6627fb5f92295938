import { daysOfWeek, type Calendar } from '../../calendar';
import type { TimeWindow } from '../../dataset/dataset';

/** Half-open range of days as a calendar numbers them. */
export interface JudgedDays {
  readonly from: number;
  readonly until: number;
  /** Whole weeks; 0 where the window has fewer than seven days, which are then all named. */
  readonly weeks: number;
}

/**
 * A day counts when so much of it lies inside: a window that ends with its newest row has all but
 * minutes of its last day.
 */
const leastOfADay = 0.9;

/**
 * The days of a window that gates may judge: its last whole weeks. Where Sundays are worse than
 * Wednesdays, any other number of days is a mean over the wrong mix, and no interval knows of that.
 * `labelDelaySeconds`: rows so close to the end have no label yet.
 */
export function wholeWeeks(
  window: TimeWindow,
  calendar: Calendar,
  labelDelaySeconds: number,
): JudgedDays {
  const [from, until] = [
    Date.parse(window.from),
    Date.parse(window.until) - labelDelaySeconds * 1000,
  ];
  const covered = (day: number): boolean => {
    const [begins, ends] = [calendar.startOf(day), calendar.startOf(day + 1)];
    return Math.min(until, ends) - Math.max(from, begins) >= leastOfADay * (ends - begins);
  };
  let first = calendar.dayOf(from);
  let end = calendar.dayOf(until) + 1;
  while (first < end && !covered(first)) first += 1;
  while (end > first && !covered(end - 1)) end -= 1;
  const weeks = Math.floor((end - first) / daysOfWeek);
  return { from: weeks === 0 ? first : end - weeks * daysOfWeek, until: end, weeks };
}

/** How many days at a window's end are not whole, because their labels come so much later. */
export function daysCutBy(labelDelaySeconds: number): number {
  return Math.max(0, Math.ceil(labelDelaySeconds / 86_400 - (1 - leastOfADay)));
}

/** How a lifecycle counts days. */
export interface DayCount {
  /** IANA name. */
  readonly timezone: string;
  /** From a row's time to its label. */
  readonly labelDelaySeconds: number;
}

export interface JudgedRows {
  readonly judged: JudgedDays;
  /** Of every row, judged or not, as the calendar numbers days. */
  readonly dayOfRow: Int32Array;
  /** Which rows lie on the judged days, rising. */
  readonly rows: Int32Array;
  /** Of each judged row: its day, numbered from 0 without days that have no rows. */
  readonly day: Int32Array;
  /** Judged days that have rows. */
  readonly days: number;
}

/** `times` in milliseconds since 1970, rising. */
export function judgedRows(
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
): JudgedRows {
  const judged = wholeWeeks(window, calendar, labelDelaySeconds);
  const dayOfRow = Int32Array.from(times, (time) => calendar.dayOf(time));
  const rows = Int32Array.from(dayOfRow.keys()).filter((row) => {
    const day = dayOfRow[row] ?? NaN;
    return day >= judged.from && day < judged.until;
  });
  const numbers = new Map<number, number>();
  const numberOf = (day: number): number => {
    const known = numbers.get(day) ?? numbers.size;
    numbers.set(day, known);
    return known;
  };
  const day = rows.map((row) => numberOf(dayOfRow[row] ?? NaN));
  return { judged, dayOfRow, rows, day, days: numbers.size };
}
