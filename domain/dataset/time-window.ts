import type { AssembledPartName, SplitSpec } from './split';
import type { TimeWindow } from './dataset';
import { failure } from '../failure';
import type { CalendarDuration } from '../duration';
import { daysInMonth, formatInstant, parseInstant } from '../instant';

const daySeconds = 86_400;

/** The window of this length that ends at `until` (RFC 3339 with an offset), half-open, in UTC. */
export function windowEnding(until: string, length: CalendarDuration): TimeWindow {
  const end = parseInstant(until);
  if (end === null)
    throw failure(
      'InvalidInput',
      `${JSON.stringify(until)} is not a time with an offset, such as 2013-07-01T00:00:00Z`,
    );
  return { from: formatInstant(before(end, length)), until: formatInstant(end) };
}

/** The window of `until: latest`, which ends at the next whole second after the newest event. */
export function latestWindow(newestEvent: string, length: CalendarDuration): TimeWindow {
  const newest = parseInstant(newestEvent);
  if (newest === null)
    throw failure(
      'InvalidInput',
      `${JSON.stringify(newestEvent)} is not a time with an offset, such as 2013-07-01T00:00:00Z`,
    );
  return windowEnding(formatInstant((Math.floor(newest / 1000) + 1) * 1000), length);
}

/** The four parts in order of time, without gaps, in days of 24 h before the window's end. */
export function splitWindow(
  window: TimeWindow,
  split: Extract<SplitSpec, { readonly by: 'time' }>,
): Readonly<Record<AssembledPartName, TimeWindow>> {
  const back = (instant: string, days: number): string =>
    formatInstant(Date.parse(instant) - days * daySeconds * 1000);
  const holdout = back(window.until, split.holdoutDays);
  const confirm = back(holdout, split.confirmDays);
  const tuning = back(confirm, split.tuningDays);
  if (Date.parse(tuning) <= Date.parse(window.from)) {
    const days = split.tuningDays + split.confirmDays + split.holdoutDays;
    throw failure(
      'InvalidInput',
      `the window ${window.from} to ${window.until} has no rows to train on: tuning, confirm and holdout take ${days} days`,
    );
  }
  return {
    train: { from: window.from, until: tuning },
    tuning: { from: tuning, until: confirm },
    confirm: { from: confirm, until: holdout },
    holdout: { from: holdout, until: window.until },
  };
}

/** The fewest whole days of a window of this length, as `1mo` may be February. */
export function findMinDays(length: CalendarDuration): number {
  const days = Math.floor(length.seconds / daySeconds);
  if (length.months === 0) return days;
  // 2013–2016 have every combination of neighbouring months and a leap year.
  const starts = Array.from({ length: 48 }, (_, month) => Date.UTC(2013, month, 1));
  return (
    days +
    Math.min(
      ...starts.map(
        (end) => (end - before(end, { months: length.months, seconds: 0 })) / (daySeconds * 1000),
      ),
    )
  );
}

/** Calendar months: a day that the earlier month lacks becomes its last day. */
function before(end: number, length: CalendarDuration): number {
  const date = new Date(end);
  const month = date.getUTCMonth() - length.months;
  const day = Math.min(date.getUTCDate(), daysInMonth(date.getUTCFullYear(), month + 1));
  return new Date(end).setUTCFullYear(date.getUTCFullYear(), month, day) - length.seconds * 1000;
}
