import { normalQuantile } from '../../../domain/statistics/distributions';
import { seededRandom, type Random } from '../../../domain/statistics/random';

// Simulated differences in the loss of two versions on the same requests. Every part has mean 0, so
// that each pair's conditional mean is known.

/** Deviations of the days' means, one after the other; of mean 0. */
export type DayEffects = (random: Random) => () => number;
/**
 * A pair whose conditional mean, given both scores, is known: as close to the mean that is asked
 * for as its scores allow.
 */
export interface DrawnPair {
  readonly label: 0 | 1;
  readonly champion: number;
  readonly challenger: number;
  readonly conditionalMean: number;
}
export type DrawPair = (random: Random, mean: number) => DrawnPair;

export function gauss(random: Random): number {
  return normalQuantile(random() + 2 ** -33);
}

export function randomOf(world: number, scenario: number): Random {
  return seededRandom([world, scenario, 0x9e3779b9 | 0, 0x7f4a7c15]);
}

export const dayEffects = {
  none: () => () => 0,
  normal:
    (spread: number): DayEffects =>
    (random) =>
    () =>
      spread * gauss(random),
  /** Student's t with three degrees of freedom: now and then a day is far out, on either side. */
  heavy:
    (spread: number): DayEffects =>
    (random) =>
    () =>
      (spread * gauss(random)) /
      Math.sqrt(gauss(random) ** 2 + gauss(random) ** 2 + gauss(random) ** 2),
  /** Exponential: bad days are worse than good days are good. */
  skewed:
    (spread: number): DayEffects =>
    (random) =>
    () =>
      spread * (-Math.log(1 - random()) - 1),
  /** One day in ten is a storm of three spreads. */
  storms:
    (spread: number): DayEffects =>
    (random) =>
    () =>
      spread * (0.3 * gauss(random) + 2.85 * (random() < 0.1 ? 1 : -1 / 9)),
  /** A day resembles the one before. */
  lasting:
    (spread: number, correlation: number): DayEffects =>
    (random) => {
      let last = gauss(random);
      return () => {
        last = correlation * last + Math.sqrt(1 - correlation ** 2) * gauss(random);
        return spread * last;
      };
    },
  /** From one end of a month to the other by so many spreads up, the middle being 0. */
  drifting:
    (spread: number): DayEffects =>
    () => {
      let day = 0;
      return () => {
        day += 1;
        return spread * 4 * ((day - 16) / 30);
      };
    },
} as const;

/**
 * The challenger's logit differs by ±√((0.3·z)² + (6·mean)²) from the champion's, who says 0.25,
 * and labels are as likely as makes the difference in log loss the mean that is asked for: a
 * standard deviation of 0.13 a pair, as between two months' models on real August.
 */
export const alikePairs: DrawPair = (random, mean) => {
  const z = gauss(random);
  const shift = Math.sign(z) * Math.sqrt((0.3 * z) ** 2 + (6 * mean) ** 2);
  return drawn(random, mean, { champion: 0.25, challenger: 1 / (1 + 3 * Math.exp(-shift)) });
};

/**
 * The challenger is nearly sure that nothing is late, and pays 5 where it is wrong, in one pair of
 * some thirty.
 */
export const boldPairs: DrawPair = (random, mean) =>
  drawn(random, mean, { champion: 0.148, challenger: 0.001 });

function drawn(
  random: Random,
  mean: number,
  scores: { readonly champion: number; readonly challenger: number },
): DrawnPair {
  const { champion, challenger } = scores;
  const [late, onTime] = [
    Math.log(champion / challenger),
    Math.log((1 - champion) / (1 - challenger)),
  ];
  const share = Math.min(1, Math.max(0, (mean - onTime) / (late - onTime)));
  return {
    label: random() < share ? 1 : 0,
    ...scores,
    conditionalMean: share * late + (1 - share) * onTime,
  };
}
