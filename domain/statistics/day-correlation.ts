/**
 * What a day's difference in loss is taken to share with the day before. On the flight sample it is
 * 0.2 to 0.4 between consecutive months' models; a season or a campaign that lasts for days does
 * the same elsewhere. Estimated from two weeks it would be wrong by ±0.5, so it is assumed.
 */
export const assumedDayCorrelation = 0.4;

/**
 * By how much the half-width of a bound across days grows when days follow an AR(1) process of this
 * correlation: the variance of their mean is that of independent days times (1 + ρ)/(1 − ρ) for
 * many days (M. S. Bartlett, "On the theoretical specification and sampling properties of
 * autocorrelated time-series", JRSS Supplement 8 (1946)).
 */
export function correlationWidening(correlation: number): number {
  return Math.sqrt((1 + correlation) / (1 - correlation));
}
