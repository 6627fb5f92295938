/** The event time that was reached at a wall-clock time. */
export interface ClockMark {
  readonly wallMs: number;
  readonly eventNow: string;
}

export interface EventClock {
  /** Event time up to which labels and requests have had time to arrive. */
  readonly settled: string | null;
  /** Later marks, oldest first. */
  readonly marks: readonly ClockMark[];
  /** Event time up to which labels have been counted. A label before it comes late. */
  readonly countedUntil?: string;
}

export const stoppedClock: EventClock = { settled: null, marks: [] };

/**
 * Settles event time `settleMs` of wall time after it was reached. Labels take a moment to arrive.
 * When past traffic is replayed at a speed of 30,000, one second is eight hours of event time, so
 * labels that arrive promptly would count as missing. Live traffic is hardly delayed.
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
