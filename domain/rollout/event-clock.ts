/** How far event time had come, and when that was by the wall. */
export interface ClockMark {
  readonly wallMs: number;
  readonly eventNow: string;
}

export interface EventClock {
  /** Whatever was to be stored of requests up to here had its time to arrive. */
  readonly settled: string | null;
  /** Later marks, oldest first. */
  readonly marks: readonly ClockMark[];
}

export const stoppedClock: EventClock = { settled: null, marks: [] };

/**
 * A label is sent when it is known and takes a moment to arrive. Taken as missing at the instant
 * that event time reaches its time, labels would be late by nature where a past is replayed: at a
 * speed of 30,000 a second is eight hours. So event time settles a moment of wall time after it was
 * reached, which is nothing to live traffic.
 */
export function advanceClock(
  { settled, marks }: EventClock,
  now: ClockMark,
  settleMs: number,
): EventClock {
  const all = [...marks, now];
  const due = all.findLastIndex(({ wallMs }) => wallMs <= now.wallMs - settleMs);
  return { settled: all[due]?.eventNow ?? settled, marks: all.slice(due + 1) };
}
