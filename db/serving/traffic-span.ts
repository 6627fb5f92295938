import type { Query } from '../connection';
import type { Value } from '../sql';

/** Start of the span in which `instant` lies. */
export function selectSpan(sql: Query, instant: Value, seconds: Value) {
  return sql`date_bin(make_interval(secs => ${seconds}), ${instant}, 'epoch')`;
}
