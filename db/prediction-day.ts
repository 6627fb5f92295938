import type { Query } from './connection';
import { timeOf } from './ids';

/** Narrows a look-up by id to the partitions that can hold it: an id carries its time, and receiving it took less than a day. */
export function daysAround(sql: Query, id: string, table = 'predictions') {
  const time = timeOf(id);
  if (time === null) return sql`true`;
  const day = (offset: number) => new Date(time.getTime() + offset * 86_400_000).toISOString().slice(0, 10);
  return sql`${sql(table)}.day between ${day(-1)} and ${day(1)}`;
}
