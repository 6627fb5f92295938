import type { Threshold } from './classifier-file';

/**
 * The log-odds threshold for a share of false alarms. Interpolates linearly over the logarithm of
 * the share, within the measured range.
 */
export function oddsFor(falseAlarms: number, thresholds: readonly Threshold[]): number {
  const after = thresholds.findIndex((each) => each.falseAlarms >= falseAlarms);
  const [low, high] = [thresholds[after - 1], thresholds[after]];
  if (!high) return thresholds.at(-1)?.odds ?? Infinity;
  if (!low) return high.odds;
  const part =
    Math.log(falseAlarms / low.falseAlarms) / Math.log(high.falseAlarms / low.falseAlarms);
  return low.odds + part * (high.odds - low.odds);
}
