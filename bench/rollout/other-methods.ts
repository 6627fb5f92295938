/**
 * Ways to decide that other tools and textbooks use, on the simulated pairs of `methods.ts`. Each
 * gets the pairs that a canary gets, which is to its advantage: these tools compare arms.
 */
import { normalQuantile } from '../../domain/statistics/distributions';
import { requestLoss } from '../../domain/rollout/judging/loss';
import type { Random } from '../../domain/statistics/random';
import type { SimulatedTraffic } from '../../test/support/rollout/simulated-rollouts';
import { isTooHigh } from '../variance/methods';

export interface OtherEnd {
  readonly kind: 'promoted' | 'rolledBack' | 'undecided';
  readonly days: number;
}

export interface OtherMethod {
  readonly name: string;
  readonly decide: (days: Iterable<SimulatedDay>, rules: OtherRules) => OtherEnd;
}

export interface OtherRules {
  readonly margin: number;
  readonly alpha: number;
}

/** The losses of a day's requests, by version. */
export interface SimulatedDay {
  readonly champion: readonly number[];
  readonly challenger: readonly number[];
}

const logloss = requestLoss({ metric: 'logloss', bound: null });

export function* simulatedDays(
  { mean, effects, draw, days, pairsPerDay }: SimulatedTraffic,
  random: Random,
): Generator<SimulatedDay> {
  const effect = effects(random);
  for (let day = 0; day < days; day += 1) {
    const ofDay = mean + effect();
    const pairs = Array.from({ length: pairsPerDay }, () => draw(random, ofDay));
    yield {
      champion: pairs.map(({ label, champion }) => logloss.of(label, champion)),
      challenger: pairs.map(({ label, challenger }) => logloss.of(label, challenger)),
    };
  }
}

function listDifferences({ champion, challenger }: SimulatedDay): readonly number[] {
  return challenger.map((loss, index) => loss - (champion[index] ?? NaN));
}

/** Standard deviation of a pair in these worlds, which a plan has to guess. */
const plannedDeviation = 0.13;

/** One t test of non-inferiority after the number of pairs that finds equal versions in 80 %. */
const fixedNumber: OtherMethod = {
  name: 'fixed number of pairs, one t test',
  decide(days, { margin, alpha }) {
    const z = normalQuantile(1 - alpha);
    const needed = Math.ceil((((z + normalQuantile(0.8)) * plannedDeviation) / margin) ** 2);
    const seen: number[] = [];
    let day = 0;
    for (const of of days) {
      day += 1;
      const differences = listDifferences(of);
      const lacking = needed - seen.length;
      seen.push(...differences.slice(0, lacking));
      if (seen.length < needed) continue;
      const { mean, deviation } = computeMoments(seen);
      const isShown = mean + (z * deviation) / Math.sqrt(needed) < margin;
      return {
        kind: isShown ? 'promoted' : 'rolledBack',
        days: day - 1 + lacking / differences.length,
      };
    }
    return { kind: 'undecided', days: day };
  },
};

/**
 * The mixture sequential probability ratio test of R. Johari, P. Koomen, L. Pekelis and D. Walsh,
 * "Peeking at A/B tests", KDD 2017, against a difference of the margin, evaluated twice a day. The
 * variance of the mixture is that of effects of a margin.
 */
const mixtureTest: OtherMethod = {
  name: 'mSPRT, twice a day',
  decide(days, { margin, alpha }) {
    const tau = margin ** 2;
    let [n, sum, squares, day] = [0, 0, 0, 0];
    for (const of of days) {
      const differences = listDifferences(of);
      const half = Math.ceil(differences.length / 2);
      for (const part of [differences.slice(0, half), differences.slice(half)]) {
        day += 0.5;
        n += part.length;
        sum += part.reduce((total, each) => total + each, 0);
        squares += part.reduce((total, each) => total + each ** 2, 0);
        const mean = sum / n;
        const variance = squares / n - mean ** 2;
        const spread = variance + n * tau;
        const logRatio =
          0.5 * Math.log(variance / spread) +
          (n ** 2 * tau * (mean - margin) ** 2) / (2 * variance * spread);
        if (logRatio >= -Math.log(alpha))
          return { kind: mean < margin ? 'promoted' : 'rolledBack', days: day };
      }
    }
    return { kind: 'undecided', days: day };
  },
};

/** Argo Rollouts: an analysis each day, which fails if the mean difference is above the margin. */
function thresholdEachDay(failureLimit: number): OtherMethod {
  const analyses = 14;
  return {
    name: `Argo Rollouts, ${analyses} daily analyses, failureLimit ${failureLimit}`,
    decide(days, { margin }) {
      let [day, failures] = [0, 0];
      for (const of of days) {
        day += 1;
        if (computeMoments(listDifferences(of)).mean >= margin) failures += 1;
        if (failures > failureLimit) return { kind: 'rolledBack', days: day };
        if (day === analyses) return { kind: 'promoted', days: day };
      }
      return { kind: 'undecided', days: day };
    },
  };
}

/** Kayenta's Mann-Whitney test of hourly means, each day for two weeks. */
const rankTest: OtherMethod = {
  name: 'Kayenta, a Mann–Whitney judgement each day for 14 days',
  decide(days) {
    const points = { champion: [] as number[], challenger: [] as number[] };
    let day = 0;
    for (const of of days) {
      day += 1;
      const perHour = Math.ceil(of.champion.length / 24);
      for (let from = 0; from < of.champion.length; from += perHour)
        for (const arm of ['champion', 'challenger'] as const)
          points[arm].push(computeMoments(of[arm].slice(from, from + perHour)).mean);
      if (isTooHigh(points)) return { kind: 'rolledBack', days: day };
      if (day === 14) return { kind: 'promoted', days: day };
    }
    return { kind: 'undecided', days: day };
  },
};

function computeMoments(values: readonly number[]): {
  readonly mean: number;
  readonly deviation: number;
} {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / Math.max(1, values.length - 1)) };
}

export const otherMethods: readonly OtherMethod[] = [
  fixedNumber,
  mixtureTest,
  thresholdEachDay(0),
  thresholdEachDay(3),
  rankTest,
];
