import { normalQuantile } from './distributions';

/**
 * Two-sided bounds of a share of `events` in `n` (E. B. Wilson, JASA 22 (1927)). Unlike the normal
 * approximation, they also hold for 0 or `n` events.
 */
export function wilsonBounds(
  { events, n }: { readonly events: number; readonly n: number },
  level: number,
): { readonly lower: number; readonly upper: number } {
  if (n === 0) return { lower: 0, upper: 1 };
  const z = normalQuantile((1 + level) / 2);
  const share = events / n;
  const centre = share + (z * z) / (2 * n);
  const spread = z * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  const scale = 1 + (z * z) / n;
  return {
    lower: Math.max(0, (centre - spread) / scale),
    upper: Math.min(1, (centre + spread) / scale),
  };
}
