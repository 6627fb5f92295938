/** Calendar days of a time zone. */

export const daysOfWeek = 7;

/** A day as `YYYY-MM-DD`. */
export function formatDay(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10);
}

/** A day is the number of local days since 1970-01-01, so that `day % 7` is a weekday. */
export interface Calendar {
  /** The day of an instant, given in milliseconds since 1970. */
  readonly findDay: (ms: number) => number;
  /** The start of a day in milliseconds since 1970. A day has 23 or 25 h when the clocks change. */
  readonly findStart: (day: number) => number;
}

const dayMs = 86_400_000;
/** The largest offset from UTC ever was Manila's, 15 h 56 min until 1844. */
const maxOffsetMs = 16 * 3_600_000;

/**
 * The calendar of an IANA time zone. It caches the last day, so instants in order are cheap. Days
 * depend on the time zone database of Node's ICU. Throws a RangeError for an unknown zone.
 */
export function openCalendar(timezone: string): Calendar {
  if (timezone === 'UTC')
    return { findDay: (ms) => Math.floor(ms / dayMs), findStart: (day) => day * dayMs };
  const clock = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    era: 'short',
  });
  let last = { day: NaN, from: NaN, until: NaN };

  function findDayStart(day: number): number {
    if (day === last.day) return last.from;
    if (day === last.day + 1) return last.until;
    // Zones change their offset at whole seconds.
    let [low, high] = [(day * dayMs - maxOffsetMs) / 1000, (day * dayMs + maxOffsetMs) / 1000];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (localDay(clock, middle * 1000) >= day) high = middle;
      else low = middle;
    }
    return high * 1000;
  }

  function findDay(ms: number): number {
    if (ms >= last.from && ms < last.until) return last.day;
    let day = localDay(clock, ms);
    // Clocks that are set back across midnight repeat the end of a day. The next day begins when it
    // is first reached.
    let [from, until] = [findDayStart(day), findDayStart(day + 1)];
    while (ms >= until) {
      day += 1;
      [from, until] = [until, findDayStart(day + 1)];
    }
    while (ms < from) {
      day -= 1;
      [from, until] = [findDayStart(day), from];
    }
    last = { day, from, until };
    return day;
  }

  return { findDay, findStart: findDayStart };
}

function localDay(clock: Intl.DateTimeFormat, ms: number): number {
  const parts = Object.fromEntries(clock.formatToParts(ms).map(({ type, value }) => [type, value]));
  const year = Number(parts['year']);
  // Year 1 before our era is year 0.
  const date = new Date(0).setUTCFullYear(
    parts['era'] === 'BC' ? 1 - year : year,
    Number(parts['month']) - 1,
    Number(parts['day']),
  );
  return Math.floor(date / dayMs);
}
