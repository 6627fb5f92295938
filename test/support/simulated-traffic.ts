import { normalQuantile } from '../../domain/statistics/distributions';
import { seededRandom, type Random } from '../../domain/statistics/random';

// Simulated differences in the loss of two versions on the same requests. Every part has mean 0, so that each pair's conditional mean is known.

/** Deviations of the days' means, one after the other; of mean 0. */
export type DayEffects = (random: Random) => () => number;
/** Deviation of one pair within its day; of mean 0. */
export type Noise = (random: Random) => number;

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
      (spread * gauss(random)) / Math.sqrt(gauss(random) ** 2 + gauss(random) ** 2 + gauss(random) ** 2),
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
} as const;

/** The challenger's logit differs by δ ~ N(0, 0.3) and the label is late in a quarter of the cases: sd 0.13, as between two months' models on real August. */
export const logitNoise: Noise = (random) => 0.3 * gauss(random) * ((random() < 0.25 ? 1 : 0) - 0.25);
/** One pair in five hundred is worse by 5: the least of all that sums like to be. */
export const rareNoise: Noise = (random) => (random() < 0.002 ? 5 : -0.01 / 0.998);
