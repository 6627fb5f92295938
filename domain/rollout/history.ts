/** A point of the confidence sequence in the chart. */
export interface HistoryPoint {
  readonly n: number;
  /** RFC 3339 UTC. */
  readonly eventTime: string;
  readonly estimate: number;
  readonly lower: number | null;
  readonly upper: number | null;
}

/** Enough for any terminal, and small enough for the stored state. */
const maxPoints = 200;

/**
 * Adds a point. A full history drops every second older point, so it keeps its shape. The first and
 * the newest point always stay. A point that is not newer than the last one replaces it, so adding
 * a point twice is harmless.
 */
export function addPoint(
  history: readonly HistoryPoint[],
  point: HistoryPoint,
): readonly HistoryPoint[] {
  const last = history.at(-1);
  const older = last !== undefined && last.n >= point.n ? history.slice(0, -1) : history;
  const kept = older.length < maxPoints ? older : older.filter((_each, index) => index % 2 === 0);
  return [...kept, point];
}
