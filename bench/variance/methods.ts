/** Ways to show that a challenger is not worse by a margin, on one stream of flights. */
import { normalQuantile } from '../../domain/statistics/distributions';
import { emptyRanged, extendRanged, rangedBounds } from '../../domain/statistics/ranged-sequence';
import { armRange, pairRange } from '../../domain/rollout/judging/loss';
import { seededRandom, type Random } from '../../domain/statistics/random';
import { groupBy, loss, computeMean, type ReplayedFlight } from './replays';

export type Days = readonly (readonly ReplayedFlight[])[];

export interface DecisionEnd {
  readonly kind: 'promoted' | 'rolledBack' | 'undecided';
  /** Flights until the decision. */
  readonly flights: number;
}

export interface Rules {
  readonly margin: number;
  /** Error probability on each side. */
  readonly alpha: number;
  readonly seed: number;
}

export interface DecisionMethod {
  readonly name: string;
  readonly decide: (days: Days, rules: Rules) => DecisionEnd;
}

const lookEvery = 100;

/** Looks at a sequence after every hundred flights. */
function watched(
  days: Days,
  rules: Rules,
  sequence: {
    readonly add: (flight: ReplayedFlight) => void;
    readonly bounds: () => { readonly lower: number; readonly upper: number };
  },
): DecisionEnd {
  let flights = 0;
  for (const flight of days.flat()) {
    sequence.add(flight);
    flights += 1;
    if (flights % lookEvery !== 0) continue;
    const { lower, upper } = sequence.bounds();
    if (upper < rules.margin) return { kind: 'promoted', flights };
    if (lower > rules.margin) return { kind: 'rolledBack', flights };
  }
  return { kind: 'undecided', flights };
}

const pairs: DecisionMethod = {
  name: 'pairs (both versions score each request)',
  decide(days, rules) {
    const range = pairRange({ min: loss.min - 1, max: loss.max + 1 });
    let state = emptyRanged();
    return watched(days, rules, {
      add: ({ champion, challenger }) => {
        const ends = [challenger.min - champion.min, challenger.max - champion.max];
        const value = challenger.loss - champion.loss;
        const [min, max] = [Math.min(...ends, value), Math.max(...ends, value)];
        state = extendRanged(state, range, [{ value, min, max }]);
      },
      bounds: () => rangedBounds(state, range, rules.alpha),
    });
  },
};

const arms: DecisionMethod = {
  name: 'arms, one sequence each',
  decide(days, rules) {
    const random = assignment(rules);
    const range = armRange({ min: loss.min - 1, max: loss.max + 1 });
    const states = { champion: emptyRanged(), challenger: emptyRanged() };
    return watched(days, rules, {
      add: (flight) => {
        const arm = random() < 0.5 ? 'challenger' : 'champion';
        const { loss: value, min, max } = flight[arm];
        states[arm] = extendRanged(states[arm], range, [{ value, min, max }]);
      },
      bounds: () => {
        const of = (arm: 'champion' | 'challenger') =>
          rangedBounds(states[arm], range, rules.alpha / 2);
        const [a, b] = [of('champion'), of('challenger')];
        return { lower: b.lower - a.upper, upper: b.upper - a.lower };
      },
    });
  },
};

/** One sequence of losses weighted by the inverse of the arm's share, less a control variate. */
function weightedArms(name: string, controlOf: (flight: ReplayedFlight) => number): DecisionMethod {
  return {
    name,
    decide(days, rules) {
      const random = assignment(rules);
      const width = 2 * (loss.max + 2);
      const range = {
        min: -width,
        max: width,
        guess: { min: -width / 25, max: width / 25 },
      };
      let state = emptyRanged();
      return watched(days, rules, {
        add: (flight) => {
          const arm = random() < 0.5 ? 'challenger' : 'champion';
          const weight = arm === 'challenger' ? 2 : -2;
          const of = (value: number) => weight * (value - controlOf(flight));
          const { loss: value, min, max } = flight[arm];
          const ends = [of(min), of(max)];
          state = extendRanged(state, range, [
            { value: of(value), min: Math.min(...ends), max: Math.max(...ends) },
          ]);
        },
        bounds: () => rangedBounds(state, range, rules.alpha),
      });
    },
  };
}

/** Argo Rollouts: an analysis each day, which succeeds if the mean difference is below the margin. */
function argo(failureLimit: number): DecisionMethod {
  return {
    name: `Argo Rollouts, 14 daily analyses, failureLimit ${failureLimit}`,
    decide(days, rules) {
      const random = assignment(rules);
      let [flights, failures] = [0, 0];
      for (const day of days.slice(0, 14)) {
        const { champion, challenger } = armLosses(day, random);
        flights += day.length;
        if (computeMean(challenger) - computeMean(champion) >= rules.margin) failures += 1;
        if (failures > failureLimit) return { kind: 'rolledBack', flights };
      }
      return { kind: 'promoted', flights };
    },
  };
}

/**
 * Kayenta's Mann-Whitney classifier with Netflix's defaults: the metric of the challenger is too
 * high if the lower 98 % bound of the Hodges-Lehmann shift is above a quarter of its estimate. The
 * points are hourly means, and each judgement looks at all hours so far.
 */
function kayenta(name: string, everyDays: number): DecisionMethod {
  return {
    name,
    decide(days, rules) {
      const random = assignment(rules);
      const points = { champion: [] as number[], challenger: [] as number[] };
      let flights = 0;
      for (const [index, day] of days.slice(0, 14).entries()) {
        for (const hour of groupBy(day, (flight) => flight.hour).values()) {
          const { champion, challenger } = armLosses(hour, random);
          if (champion.length === 0 || challenger.length === 0) continue;
          points.champion.push(computeMean(champion));
          points.challenger.push(computeMean(challenger));
        }
        flights += day.length;
        if ((index + 1) % everyDays === 0 && isTooHigh(points))
          return { kind: 'rolledBack', flights };
      }
      return { kind: 'promoted', flights };
    },
  };
}

export function isTooHigh({
  champion,
  challenger,
}: Readonly<Record<'champion' | 'challenger', readonly number[]>>): boolean {
  const shifts = challenger.flatMap((b) => champion.map((a) => b - a)).sort((x, y) => x - y);
  const [m, n] = [champion.length, challenger.length];
  const z = normalQuantile(0.99);
  // The normal approximation of the interval of Hodges and Lehmann (Annals of Mathematical
  // Statistics 34 (1963)).
  const rank = Math.floor((m * n) / 2 - z * Math.sqrt((m * n * (m + n + 1)) / 12));
  const estimate = shifts[Math.floor(shifts.length / 2)] ?? 0;
  return (shifts[Math.max(0, rank)] ?? -Infinity) > 0.25 * Math.abs(estimate);
}

function armLosses(flights: readonly ReplayedFlight[], random: Random) {
  const losses = { champion: [] as number[], challenger: [] as number[] };
  for (const flight of flights) {
    const arm = random() < 0.5 ? 'challenger' : 'champion';
    losses[arm].push(flight[arm].loss);
  }
  return losses;
}

function assignment({ seed }: Rules): Random {
  return seededRandom([seed, 61, 62, 63]);
}

/** About the mean log loss of the flights. */
const defaultLoss = 0.5;

export const methods: readonly DecisionMethod[] = [
  pairs,
  arms,
  weightedArms('arms, one weighted sequence', () => defaultLoss),
  weightedArms(
    'arms, weighted, less the expected loss of the champion',
    ({ expected }) => expected.champion,
  ),
  argo(0),
  argo(3),
  kayenta('Kayenta, one judgement after 14 days', 14),
  kayenta('Kayenta, a judgement each day for 14 days', 1),
];
