/** Instants as RFC 3339 texts. */

/** RFC 3339 with an offset → milliseconds since 1970; null for other texts and invalid days. */
export function parseInstant(text: string): number | null {
  const match =
    /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/.exec(
      text,
    );
  if (!match) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (
    month < 1 ||
    month > 12 ||
    day < 1 ||
    day > daysInMonth(year, month) ||
    hour > 23 ||
    minute > 59 ||
    second > 59
  )
    return null;
  const parsed = Date.parse(text.toUpperCase());
  return Number.isNaN(parsed) ? null : parsed;
}

/** The canonical RFC 3339 text of an instant, so that equal windows have equal cache keys. */
export function formatInstant(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('.000Z', 'Z');
}

/** `month` is from 1 and may exceed the year. Date.UTC treats years below 100 as 19xx. */
export function daysInMonth(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}
