/**
 * The largest share of an event that is plausible at `level` (one-sided) when none of `rows`
 * independent rows shows it: 1 − (1 − level)^(1/rows), the Clopper-Pearson bound of 0 events. For
 * 95 % it is about 3/rows, the "rule of three" (J. A. Hanley and A. Lippman-Hand, "If nothing goes
 * wrong, is everything all right?", JAMA 249 (1983)).
 */
export function unseenShare(rows: number, level: number): number {
  return rows <= 0 ? 1 : 1 - (1 - level) ** (1 / rows);
}
