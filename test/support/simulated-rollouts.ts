import type { RolloutPolicy } from '../../domain/rollout/policy';
import { decideRollout } from '../../domain/rollout/decide-rollout';
import { enterStep, observe, startEvidence } from '../../domain/rollout/observe';
import type { PairObservation } from '../../domain/rollout/observation';
import type { RolloutVerdict } from '../../domain/rollout/verdict';
import { emptyMean, extendMean, wealthAgainst, type MeanRange } from '../../domain/statistics/mean-sequence';
import type { Random } from '../../domain/statistics/random';
import type { DayEffects, Noise } from './simulated-traffic';

export interface SimulatedTraffic {
  /** Over all days that could be. */
  readonly mean: number;
  readonly effects: DayEffects;
  readonly noise: Noise;
  readonly days: number;
  readonly pairsPerDay: number;
}

/** Log loss with p clipped to [0.001, 0.999]: its differences. */
export const loglossPairs: MeanRange = { min: -6.9068, max: 6.9068, guess: { min: -0.2763, max: 0.2763 } };

export interface Alarms {
  /** The lower bound was above the mean of the traffic so far: it was wrong. */
  readonly wrong: boolean;
  /** The upper bound was below it. */
  readonly wrongGood: boolean;
  /** The lower bound was above the mean over all days that could be. */
  readonly abovePopulation: boolean;
  /** A customary one-sided z interval, looked at as often, was above the mean of the traffic so far. */
  readonly customary: boolean;
}

/** Watches the bounds over a stretch of traffic, looking after every `lookEvery` pairs. */
export function watchBounds(
  traffic: SimulatedTraffic,
  watched: { readonly random: Random; readonly alpha: number; readonly lookEvery: number },
): Alarms {
  const { random, alpha, lookEvery } = watched;
  const effect = traffic.effects(random);
  const alarms = { wrong: false, wrongGood: false, abovePopulation: false, customary: false };
  const enough = -Math.log(alpha);
  let state = emptyMean();
  let [conditional, squares] = [0, 0];
  for (let day = 0; day < traffic.days; day += 1) {
    const mean = traffic.mean + effect();
    for (let pair = 0; pair < traffic.pairsPerDay; pair += lookEvery) {
      const count = Math.min(lookEvery, traffic.pairsPerDay - pair);
      const values = Array.from({ length: count }, () => mean + traffic.noise(random));
      state = extendMean(state, loglossPairs, values);
      squares += values.reduce((sum, value) => sum + value ** 2, 0);
      conditional += count * mean;
      const running = conditional / state.n;
      const against = wealthAgainst(state, loglossPairs, running);
      if (against.atMost >= enough) alarms.wrong = true;
      if (against.atLeast >= enough) alarms.wrongGood = true;
      if (wealthAgainst(state, loglossPairs, traffic.mean).atMost >= enough) alarms.abovePopulation = true;
      if (state.n >= 100 && zOf({ n: state.n, sum: state.sum, squares }, running) > customaryZ) alarms.customary = true;
    }
  }
  return alarms;
}

/** Φ⁻¹(0.97). */
const customaryZ = 1.8808;

function zOf({ n, sum, squares }: { readonly n: number; readonly sum: number; readonly squares: number }, mean: number): number {
  const variance = squares / n - (sum / n) ** 2;
  return (sum / n - mean) / Math.sqrt(variance / n);
}

export interface SimulatedEnd {
  readonly kind: RolloutVerdict['kind'];
  readonly pairs: number;
  readonly days: number;
}

/** A whole rollout through `observe` and `decideRollout`, looked at `looksPerDay` times a day, until it ends. The step's requests succeed in 20 ms, but for the shares that do not. */
export function simulateRollout(
  policy: RolloutPolicy,
  traffic: SimulatedTraffic & { readonly failing?: number; readonly slow?: number },
  watched: { readonly random: Random; readonly looksPerDay: number },
): SimulatedEnd {
  const { random, looksPerDay } = watched;
  const { failing = 0, slow = 0 } = traffic;
  const startedMs = Date.parse('2013-08-01T00:00:00Z');
  let evidence = startEvidence(policy, { champion: 'simulated@1', challenger: 'simulated@2', at: new Date(startedMs).toISOString() });
  const effect = traffic.effects(random);
  let pairs = 0;
  for (let day = 0; day < traffic.days; day += 1) {
    const mean = traffic.mean + effect();
    for (let look = 0; look < looksPerDay; look += 1) {
      const fromMs = startedMs + (day + look / looksPerDay) * dayMs;
      const seen = Array.from({ length: Math.round(traffic.pairsPerDay / looksPerDay) }, () =>
        pairWorseBy(fromMs, mean + traffic.noise(random)),
      );
      const asOf = new Date(fromMs + dayMs / looksPerDay).toISOString();
      const percent = policy.steps[evidence.step] ?? 0;
      const own = Math.round(percent === 0 ? seen.length : (seen.length * percent) / 100);
      const requests = Array.from({ length: own }, () => ({ failed: random() < failing, latencyMs: random() < slow ? 1e6 : 20 }));
      evidence = observe(policy, evidence, { pairs: seen, answers: [], requests, asOf });
      pairs += seen.length;
      const verdict = decideRollout(policy, evidence);
      evidence = { ...evidence, shown: verdict.shown };
      if (verdict.kind === 'advance') evidence = enterStep(evidence, { step: verdict.toStep, at: asOf });
      else if (verdict.kind !== 'continue') return { kind: verdict.kind, pairs, days: day + (look + 1) / looksPerDay };
    }
  }
  return { kind: 'continue', pairs, days: traffic.days };
}

const dayMs = 86_400_000;

/** A pair whose losses differ by that much: both versions gave the label that came a small probability, far from where it is clipped. */
export function pairWorseBy(eventTimeMs: number, difference: number): PairObservation {
  return { eventTimeMs, label: 1, champion: Math.exp(-3.5), challenger: Math.exp(-3.5 - difference) };
}

/**
 * Flights whose label comes when they have landed: on time after one to five hours, late after six to eleven. The champion says 0.25. A challenger that says 0.35 is worse on
 * flights that are on time, so that its bad news comes first; one that says 0.15 is better on them, and its good news comes first. The share of late flights is
 * such that either one's log loss is worse by 0.01 exactly: neither bound may pass that.
 */
export function watchArrivals(watched: {
  /** `turn`: in order of event time, all labels being ripe after twelve hours. `arrival`: as they come. */
  readonly order: 'turn' | 'arrival';
  readonly first: 'bad' | 'good';
  readonly days: number;
  readonly pairsPerDay: number;
  readonly random: Random;
  readonly alpha: number;
  readonly range: MeanRange;
}): boolean {
  const { order, first, days, pairsPerDay, random, alpha, range } = watched;
  const says = first === 'bad' ? 0.35 : 0.15;
  const onTime = Math.log(0.75 / (1 - says));
  const late = Math.log(0.25 / says);
  const margin = 0.01;
  const share = (onTime - margin) / (onTime - late);
  const flights = Array.from({ length: days * pairsPerDay }, (_, index) => {
    const isLate = random() < share;
    const hours = (24 * index) / pairsPerDay;
    return { difference: isLate ? late : onTime, hours, arrives: hours + (isLate ? 6 + 5 * random() : 1 + 4 * random()) };
  });
  const ordered = order === 'turn' ? flights : flights.toSorted((a, b) => a.arrives - b.arrives);
  const enough = -Math.log(alpha);
  let state = emptyMean();
  for (let from = 0; from < ordered.length; from += 5) {
    state = extendMean(
      state,
      range,
      ordered.slice(from, from + 5).map(({ difference }) => difference),
    );
    const { atMost, atLeast } = wealthAgainst(state, range, margin);
    if ((first === 'bad' ? atMost : atLeast) >= enough) return true;
  }
  return false;
}
