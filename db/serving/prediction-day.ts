import type { Query } from '../connection';
import { readIdTime } from '../ids';

/** Narrows a look-up by id to the partitions that can hold it. */
export function daysAround(sql: Query, id: string, table = 'predictions') {
  const days = findDays(id);
  return days === null ? sql`true` : sql`${sql(table)}.day between ${days.first} and ${days.last}`;
}

/**
 * An id carries its time, and receiving the request took less than a day. Null if it carries none.
 */
export function findDays(
  id: string,
): { readonly first: string; readonly last: string; readonly each: readonly string[] } | null {
  const time = readIdTime(id);
  if (time === null) return null;
  const day = (offset: number) =>
    new Date(time.getTime() + offset * 86_400_000).toISOString().slice(0, 10);
  return { first: day(-1), last: day(1), each: [day(-1), day(0), day(1)] };
}
