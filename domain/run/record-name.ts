/** The names of the records that a run may wait for. */
import type { RunId } from '../ids';

export type RecordName = `child/${string}` | `event/${string}`;

export function childRecord(child: RunId): RecordName {
  return `child/${child}`;
}

export function eventRecord(event: string): RecordName {
  return `event/${event}`;
}
