/** A point of the drawn confidence sequence. */
export interface HistoryPoint {
  readonly n: number;
  /** RFC 3339 UTC. */
  readonly eventTime: string;
  readonly estimate: number;
  readonly lower: number | null;
  readonly upper: number | null;
}

/** Enough for any terminal, and small enough for a workflow's state. */
const mostPoints = 200;

/**
 * Adds a point, thinning to 200: when they are full every second older one goes, so a history of
 * weeks keeps its shape, evenly in the number of looks. The first and the newest point always stay.
 * A point that is not newer than the last replaces it, so adding twice is adding once.
 */
export function addPoint(
  history: readonly HistoryPoint[],
  point: HistoryPoint,
): readonly HistoryPoint[] {
  const last = history.at(-1);
  const older = last !== undefined && last.n >= point.n ? history.slice(0, -1) : history;
  const kept = older.length < mostPoints ? older : older.filter((_each, index) => index % 2 === 0);
  return [...kept, point];
}
