import type { Threshold } from './classifier-file';

/**
 * Log-odds for a share of false alarms between the measured ones: straight lines over the share's
 * logarithm, and never beyond what was measured.
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
