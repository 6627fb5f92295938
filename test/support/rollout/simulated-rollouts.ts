import { decideRollout } from '../../../domain/rollout/judging/decide-rollout';
import { pairRange, requestLoss } from '../../../domain/rollout/judging/loss';
import type { PairObservation } from '../../../domain/rollout/judging/observation';
import { enterStep, observe, startEvidence } from '../../../domain/rollout/judging/observe';
import type { RolloutPolicy } from '../../../domain/rollout/policy';
import type { RolloutVerdict } from '../../../domain/rollout/judging/verdict';
import { emptyMean, extendMean, wealthAgainst } from '../../../domain/statistics/mean-sequence';
import type { Random } from '../../../domain/statistics/random';
import {
  emptyRanged,
  extendRanged,
  rangedWealth,
  type RangedValue,
} from '../../../domain/statistics/ranged-sequence';
import { alikePairs, type DayEffects, type DrawnPair, type DrawPair } from './simulated-traffic';

export interface SimulatedTraffic {
  /** The mean over all possible days. */
  readonly mean: number;
  readonly effects: DayEffects;
  readonly draw: DrawPair;
  readonly days: number;
  readonly pairsPerDay: number;
}

const logloss = requestLoss({ metric: 'logloss', bound: null });
export const loglossPairs = pairRange(logloss);

export interface Alarms {
  /** The lower bound was above the mean of the traffic so far, which is an error. */
  readonly wrong: boolean;
  /** The upper bound was below it. */
  readonly wrongGood: boolean;
  /**
   * A customary one-sided z interval, evaluated as often, was above the mean of the traffic so far.
   */
  readonly customary: boolean;
}

/** Watches the bounds over a stretch of traffic, evaluated after every `lookEvery` pairs. */
export function watchBounds(
  traffic: SimulatedTraffic,
  watched: { readonly random: Random; readonly alpha: number; readonly lookEvery: number },
): Alarms {
  const { random, alpha, lookEvery } = watched;
  const effect = traffic.effects(random);
  const alarms = { wrong: false, wrongGood: false, customary: false };
  const enough = -Math.log(alpha);
  let state = emptyRanged();
  let [conditional, squares] = [0, 0];
  for (let day = 0; day < traffic.days; day += 1) {
    const mean = traffic.mean + effect();
    for (let pair = 0; pair < traffic.pairsPerDay; pair += lookEvery) {
      const count = Math.min(lookEvery, traffic.pairsPerDay - pair);
      const pairs = Array.from({ length: count }, () => traffic.draw(random, mean));
      state = extendRanged(state, loglossPairs, pairs.map(differenceIn));
      squares += pairs.reduce((sum, each) => sum + differenceIn(each).value ** 2, 0);
      conditional += pairs.reduce((sum, { conditionalMean }) => sum + conditionalMean, 0);
      const running = conditional / state.n;
      const against = rangedWealth(state, loglossPairs, running);
      if (against.atMost >= enough) alarms.wrong = true;
      if (against.atLeast >= enough) alarms.wrongGood = true;
      if (state.n >= 100 && computeZ({ n: state.n, sum: state.sum, squares }, running) > customaryZ)
        alarms.customary = true;
    }
  }
  return alarms;
}

/** A pair in log loss, with its two possible values. */
export function differenceIn({
  label,
  champion,
  challenger,
}: Pick<DrawnPair, 'label' | 'champion' | 'challenger'>): RangedValue {
  const value = logloss.of(label, challenger) - logloss.of(label, champion);
  return { value, ...logloss.computeDifferences({ champion, challenger, sameAnswer: false }) };
}

/** Φ⁻¹(0.97). */
const customaryZ = 1.8808;

function computeZ(
  { n, sum, squares }: { readonly n: number; readonly sum: number; readonly squares: number },
  mean: number,
): number {
  const variance = squares / n - (sum / n) ** 2;
  return (sum / n - mean) / Math.sqrt(variance / n);
}

/**
 * The number of pairs until the first statement about a limit, with the known range of each pair
 * and with the widest possible range; null: more than `maxPairs`.
 */
export function pairsUntil(
  asked: {
    readonly mean: number;
    readonly limit: number;
    readonly says: 'good' | 'harm';
    readonly alpha: number;
    readonly maxPairs: number;
  },
  random: Random,
): { readonly known: number | null; readonly widest: number | null } {
  const { mean, limit, says, alpha, maxPairs } = asked;
  const enough = -Math.log(alpha);
  const until = { known: null as number | null, widest: null as number | null };
  let [known, widest] = [emptyRanged(), emptyMean()];
  for (let n = 1; n <= maxPairs && (until.known === null || until.widest === null); n += 1) {
    const difference = differenceIn(alikePairs(random, mean));
    known = extendRanged(known, loglossPairs, [difference]);
    widest = extendMean(widest, loglossPairs, [difference.value]);
    const side = says === 'good' ? 'atLeast' : 'atMost';
    if (rangedWealth(known, loglossPairs, limit)[side] >= enough) until.known ??= n;
    if (wealthAgainst(widest, loglossPairs, limit)[side] >= enough) until.widest ??= n;
  }
  return until;
}

export interface SimulatedEnd {
  readonly kind: RolloutVerdict['kind'];
  readonly pairs: number;
  readonly days: number;
  /** Days until the challenger answered requests. */
  readonly shadowDays: number;
}

export interface SimulatedRollout extends SimulatedTraffic {
  /** The mean since the challenger answers requests; by default the same as before. */
  readonly servingMean?: number;
  /** The mean in the last step; by default that since the challenger answers requests. */
  readonly lastStepMean?: number;
  /** The share of bad labels (1) that never come, or come days late; by default none. */
  readonly badLabels?: { readonly share: number; readonly daysLate: number | null };
  /** Added by the day of the week, Monday first; the sum is 0. */
  readonly week?: readonly number[];
  readonly failing?: number;
  readonly slow?: number;
}

export interface WatchedRollout {
  readonly random: Random;
  readonly looksPerDay: number;
}

/** One observation of a rollout. */
export interface SimulatedLook {
  readonly pairs: readonly PairObservation[];
  readonly requests: readonly { readonly failed: boolean; readonly latencyMs: number }[];
  readonly asOf: string;
}

/**
 * Decides after an observation whether the challenger starts to answer requests, or how the rollout
 * ends.
 */
export interface Watcher {
  readonly look: (look: SimulatedLook) => RolloutVerdict['kind'];
  /** Percent of entities. */
  readonly percent: () => number;
  readonly isInLastStep?: () => boolean;
  /** Index of the step; 0 by default. */
  readonly step?: () => number;
}

/** A Monday. */
export const simulatedStart = Date.parse('2013-08-05T00:00:00Z');

/**
 * A whole rollout under today's rules, until it ends. Requests of the step succeed in 20 ms, except
 * the given shares.
 */
export function simulateRollout(
  policy: RolloutPolicy,
  traffic: SimulatedRollout,
  watched: WatchedRollout,
): SimulatedEnd {
  return playRollout(byRules(policy), traffic, watched);
}

function byRules(policy: RolloutPolicy): Watcher {
  const at = new Date(simulatedStart).toISOString();
  let evidence = startEvidence(policy, { champion: 'simulated@1', challenger: 'simulated@2', at });
  return {
    percent: () => policy.steps[evidence.step] ?? 0,
    step: () => evidence.step,
    isInLastStep: () => evidence.step === policy.steps.length - 1,
    look: (seen) => {
      evidence = observe(policy, evidence, { answers: [], ...seen });
      const verdict = decideRollout(policy, evidence);
      if (verdict.kind === 'advance')
        evidence = enterStep(policy, evidence, { step: verdict.toStep, at: seen.asOf });
      return verdict.kind;
    },
  };
}

export function playRollout(
  watcher: Watcher,
  traffic: SimulatedRollout,
  { random, looksPerDay }: WatchedRollout,
): SimulatedEnd {
  const { failing = 0, slow = 0, week = [], mean: inShadow, servingMean = inShadow } = traffic;
  const { lastStepMean = servingMean, badLabels } = traffic;
  const labels = withholdLabels(random, badLabels);
  const effect = traffic.effects(random);
  let [pairs, shadowDays] = [0, 0];
  for (let day = 0; day < traffic.days; day += 1) {
    const ofDay = effect() + (week[day % 7] ?? 0);
    for (let look = 0; look < looksPerDay; look += 1) {
      const fromMs = simulatedStart + (day + look / looksPerDay) * dayMs;
      const percent = watcher.percent();
      const isLast = watcher.isInLastStep?.() === true;
      const mean = ofDay + (isLast ? lastStepMean : percent === 0 ? inShadow : servingMean);
      const step = watcher.step?.() ?? 0;
      const seen = Array.from({ length: Math.round(traffic.pairsPerDay / looksPerDay) }, () => ({
        eventTimeMs: fromMs,
        step,
        ...observed(traffic.draw(random, mean)),
      }));
      const own = Math.round(percent === 0 ? seen.length : (seen.length * percent) / 100);
      const requests = Array.from({ length: own }, () => ({
        failed: random() < failing,
        latencyMs: random() < slow ? 1e6 : 20,
      }));
      pairs += seen.length;
      if (percent === 0) shadowDays += 1 / looksPerDay;
      const kind = watcher.look({
        pairs: labels(seen, fromMs),
        requests,
        asOf: new Date(fromMs + dayMs / looksPerDay).toISOString(),
      });
      if (kind !== 'continue' && kind !== 'advance')
        return { kind, pairs, days: day + (look + 1) / looksPerDay, shadowDays };
    }
  }
  return { kind: 'continue', pairs, days: traffic.days, shadowDays };
}

/**
 * Withholds bad labels, by chance. Late ones are delivered when they come, before newer ones. By
 * default all labels come in time, and no number is drawn.
 */
function withholdLabels(random: Random, badLabels: SimulatedRollout['badLabels']) {
  let underway: PairObservation[] = [];
  return (seen: readonly PairObservation[], nowMs: number): readonly PairObservation[] => {
    if (badLabels === undefined) return seen;
    const { share, daysLate } = badLabels;
    const isDue = ({ eventTimeMs }: PairObservation) =>
      daysLate !== null && eventTimeMs + daysLate * dayMs <= nowMs;
    const arrived = underway.filter(isDue);
    underway = underway.filter((each) => !isDue(each));
    const delivered = seen.map((pair) => {
      if (pair.label !== 1 || random() >= share) return pair;
      if (daysLate !== null) underway.push({ ...pair, lateSeconds: daysLate * 86_400 });
      return { ...pair, label: null };
    });
    return [...arrived, ...delivered];
  };
}

function observed({
  label,
  champion,
  challenger,
}: DrawnPair): Omit<PairObservation, 'eventTimeMs'> {
  return { label, champion, challenger };
}

const dayMs = 86_400_000;

/**
 * A pair whose losses differ by this much. Both versions gave the label a small probability, far
 * from the clipping limit.
 */
export function pairWorseBy(eventTimeMs: number, difference: number): PairObservation {
  return {
    eventTimeMs,
    label: 1,
    champion: Math.exp(-3.5),
    challenger: Math.exp(-3.5 - difference),
  };
}

/**
 * Flights with labels after landing: on time after one to five hours, late after six to eleven. The
 * champion predicts 0.25. A challenger with 0.35 is worse on punctual flights, so its bad outcomes
 * arrive first. One with 0.15 is better on them, so its good outcomes arrive first. The share of
 * late flights makes the log loss of either worse by exactly 0.01, so neither bound may pass that.
 */
export function watchArrivals(watched: {
  /**
   * `turn`: by event time, when all labels are complete after twelve hours. `arrival`: as they
   * arrive.
   */
  readonly order: 'turn' | 'arrival';
  readonly first: 'bad' | 'good';
  readonly days: number;
  readonly pairsPerDay: number;
  readonly random: Random;
  readonly alpha: number;
}): boolean {
  const { order, first, days, pairsPerDay, random, alpha } = watched;
  const scores = { champion: 0.25, challenger: first === 'bad' ? 0.35 : 0.15 };
  const { min, max } = logloss.computeDifferences({ ...scores, sameAnswer: false });
  const [onTime, late] = first === 'bad' ? [max, min] : [min, max];
  const margin = 0.01;
  const share = (onTime - margin) / (onTime - late);
  const flights = Array.from({ length: days * pairsPerDay }, (_, index) => {
    const isLate = random() < share;
    const hours = (24 * index) / pairsPerDay;
    return {
      value: isLate ? late : onTime,
      min,
      max,
      arrives: hours + (isLate ? 6 + 5 * random() : 1 + 4 * random()),
    };
  });
  const ordered = order === 'turn' ? flights : flights.toSorted((a, b) => a.arrives - b.arrives);
  const enough = -Math.log(alpha);
  let state = emptyRanged();
  for (let from = 0; from < ordered.length; from += 20) {
    state = extendRanged(state, loglossPairs, ordered.slice(from, from + 20));
    const { atMost, atLeast } = rangedWealth(state, loglossPairs, margin);
    if ((first === 'bad' ? atMost : atLeast) >= enough) return true;
  }
  return false;
}
