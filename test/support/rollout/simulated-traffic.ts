import { normalQuantile } from '../../../domain/statistics/distributions';
import { seededRandom, type Random } from '../../../domain/statistics/random';

// Simulated differences in the loss of two versions on the same requests. Every part has mean 0, so
// that the conditional mean of each pair is known.

/** Deviations of the means of consecutive days; their mean is 0. */
export type DayEffects = (random: Random) => () => number;
/**
 * A pair whose conditional mean, given both scores, is known. It is as close to the requested mean
 * as its scores allow.
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

export function createRandom(world: number, scenario: number): Random {
  return seededRandom([world, scenario, 0x9e3779b9 | 0, 0x7f4a7c15]);
}

export const dayEffects = {
  none: () => () => 0,
  normal:
    (spread: number): DayEffects =>
    (random) =>
    () =>
      spread * gauss(random),
  /** Student's t with three degrees of freedom: a few days are outliers on either side. */
  heavy:
    (spread: number): DayEffects =>
    (random) =>
    () =>
      (spread * gauss(random)) /
      Math.sqrt(gauss(random) ** 2 + gauss(random) ** 2 + gauss(random) ** 2),
  /** Exponential: bad days deviate further than good days. */
  skewed:
    (spread: number): DayEffects =>
    (random) =>
    () =>
      spread * (-Math.log(1 - random()) - 1),
  /** One day in ten deviates by three spreads. */
  storms:
    (spread: number): DayEffects =>
    (random) =>
    () =>
      spread * (0.3 * gauss(random) + 2.85 * (random() < 0.1 ? 1 : -1 / 9)),
  /** Consecutive days correlate. */
  lasting:
    (spread: number, correlation: number): DayEffects =>
    (random) => {
      let last = gauss(random);
      return () => {
        last = correlation * last + Math.sqrt(1 - correlation ** 2) * gauss(random);
        return spread * last;
      };
    },
  /**
   * The days of a week share an effect with this share of the variance. The first week has begun
   * at a random day.
   */
  weekly:
    (spread: number, share: number): DayEffects =>
    (random) => {
      let day = Math.floor(7 * random());
      let week = gauss(random);
      return () => {
        if (day % 7 === 0) week = gauss(random);
        day += 1;
        return spread * (Math.sqrt(share) * week + Math.sqrt(1 - share) * gauss(random));
      };
    },
  /**
   * About once a month, the level shifts by three spreads to either side, and the shift fades by a
   * factor of e in five days.
   */
  incidents:
    (spread: number): DayEffects =>
    (random) => {
      let level = 0;
      const begin = () => {
        level *= Math.exp(-1 / 5);
        if (random() < 1 / 30) level += random() < 0.5 ? 3 : -3;
      };
      for (let day = 0; day < 60; day += 1) begin();
      return () => {
        begin();
        return spread * (level + gauss(random));
      };
    },
  /** Rises by this many spreads over a month; 0 in the middle. */
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
 * The challenger's logit differs by ±√((0.3·z)² + (6·mean)²) from that of the champion, which
 * predicts 0.25. The label probability makes the mean difference in log loss the requested one. The
 * standard deviation is 0.13 per pair, as between the models of two months on real August data.
 */
export const alikePairs: DrawPair = (random, mean) => {
  const z = gauss(random);
  const shift = Math.sign(z) * Math.sqrt((0.3 * z) ** 2 + (6 * mean) ** 2);
  return drawn(random, mean, { champion: 0.25, challenger: 1 / (1 + 3 * Math.exp(-shift)) });
};

/**
 * The challenger is nearly certain that no flight is late, and loses 5 in the one pair of some
 * thirty where it is wrong.
 */
export const boldPairs: DrawPair = (random, mean) =>
  drawn(random, mean, { champion: 0.148, challenger: 0.001 });

/** The challenger predicts less than the champion, so it is better where no label is 1. */
export const lowPairs: DrawPair = (random, mean) =>
  drawn(random, mean, { champion: 0.25, challenger: 0.15 });

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
