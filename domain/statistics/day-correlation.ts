/**
 * The assumed correlation between the differences in loss of two consecutive days. On the flight
 * sample it is 0.2 to 0.4. It is not estimated, because two weeks give it only to ±0.5.
 */
export const assumedDayCorrelation = 0.4;

/**
 * The factor by which an AR(1) correlation of days widens a bound across days. For many days, the
 * variance of their mean is that of independent days times (1 + ρ)/(1 − ρ) (M. S. Bartlett, "On the
 * theoretical specification and sampling properties of autocorrelated time-series", JRSS Supplement
 * 8 (1946)).
 */
export function correlationWidening(correlation: number): number {
  return Math.sqrt((1 + correlation) / (1 - correlation));
}
