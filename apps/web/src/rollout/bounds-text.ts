import { figure, interval } from '../parts/format';

/** An estimate with its bounds. */
export function boundsText({
  estimate,
  lower,
  upper,
}: {
  readonly estimate: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
}): string {
  return estimate === null
    ? 'nothing is measured yet'
    : `${figure(estimate)} (${interval(lower, upper)})`;
}
