/** Rollouts by arms on traffic whose requests belong to entities, each with a loss of its own. */
import { decideRollout } from '../../../domain/rollout/judging/decide-rollout';
import {
  addLoss,
  stepWeight,
  type EntityLosses,
} from '../../../domain/rollout/judging/entity-losses';
import { requestLoss } from '../../../domain/rollout/judging/loss';
import type { ArmObservation } from '../../../domain/rollout/judging/observation';
import {
  answerLoss,
  enterStep,
  observe,
  startEvidence,
} from '../../../domain/rollout/judging/observe';
import type { RolloutPolicy } from '../../../domain/rollout/policy';
import type { Random } from '../../../domain/statistics/random';
import { simulatedStart, type SimulatedEnd } from './simulated-rollouts';
import { gauss, type DayEffects } from './simulated-traffic';

export interface EntityTraffic {
  /** Infinity: each request is one of a new entity. */
  readonly entities: number;
  /** The i-th entity has a share of the requests in proportion to i^−size. */
  readonly size: number;
  /** The rate of bad labels of a new entity; its log loss depends on it. */
  readonly rateOf: (random: Random) => number;
  /** How much worse the challenger is, in log loss, by the share of its step in percent. */
  readonly differenceIn: (percent: number) => number;
  readonly perDay: number;
  readonly days: number;
  /** Deviations of the difference by day. */
  readonly effects: DayEffects;
  /** For comparison: counts each request as one of a new entity. */
  readonly byRequest?: boolean;
}

/** Rates of bad labels that differ as those of customers do. */
export const entityRates = {
  alike: () => 0.3,
  /** Log losses differ by a standard deviation of 0.2. */
  normal: (random: Random) => Math.min(0.9, Math.max(0.02, 0.3 + 0.18 * gauss(random))),
  /** One entity in thirty is nearly always bad. */
  skewed: (random: Random) => (random() < 1 / 30 ? 0.9 : 0.25),
} as const;

const dayMs = 86_400_000;
/** Both versions score each request alike, so that the loss depends on the label only. */
const score = 0.25;

/** A rollout by arms until it ends, evaluated `looksPerDay` times a day. */
export function playEntities(
  policy: RolloutPolicy,
  traffic: EntityTraffic,
  { random, looksPerDay }: { readonly random: Random; readonly looksPerDay: number },
): SimulatedEnd {
  const draw = drawEntities(traffic, random);
  const effect = traffic.effects(random);
  const at = new Date(simulatedStart).toISOString();
  let evidence = startEvidence(policy, { champion: 'simulated@1', challenger: 'simulated@2', at });
  const ledger: Ledger = new Map();
  let answered = 0;
  for (let day = 0; day < traffic.days; day += 1) {
    const ofDay = effect();
    for (let look = 0; look < looksPerDay; look += 1) {
      const fromMs = simulatedStart + (day + look / looksPerDay) * dayMs;
      const percent = policy.steps[evidence.step] ?? 0;
      const worse = traffic.differenceIn(percent) + ofDay;
      const answers = Array.from({ length: Math.round(traffic.perDay / looksPerDay) }, () => {
        const { id, point, rate } = draw();
        const arm = point < percent / 100 ? 'challenger' : 'champion';
        const answer = drawAnswer(fromMs, { arm, isBad: random() < rate, worse });
        return Number.isFinite(traffic.entities) && traffic.byRequest !== true
          ? inLedger(policy, ledger, { ...answer, id, step: evidence.step })
          : answer;
      });
      const own = answers.filter(({ arm }) => arm === 'challenger').length;
      answered += answers.length;
      const asOf = new Date(fromMs + dayMs / looksPerDay).toISOString();
      const requests = Array.from({ length: own }, () => ({ failed: false, latencyMs: 20 }));
      evidence = observe(policy, evidence, { pairs: [], answers, requests, asOf });
      const verdict = decideRollout(policy, evidence);
      if (verdict.kind === 'advance')
        evidence = enterStep(policy, evidence, { step: verdict.toStep, at: asOf });
      else if (verdict.kind !== 'continue')
        return {
          kind: verdict.kind,
          pairs: answered,
          days: day + (look + 1) / looksPerDay,
          shadowDays: 0,
        };
    }
  }
  return { kind: 'continue', pairs: answered, days: traffic.days, shadowDays: 0 };
}

/** The challenger's score of the true class is smaller by the factor that makes it `worse`. */
function drawAnswer(
  eventTimeMs: number,
  {
    arm,
    isBad,
    worse,
  }: { readonly arm: 'champion' | 'challenger'; readonly isBad: boolean; readonly worse: number },
): ArmObservation {
  const label = isBad ? 1 : 0;
  const ofTrue = (isBad ? score : 1 - score) * (arm === 'challenger' ? Math.exp(-worse) : 1);
  return { eventTimeMs, arm, label, score: isBad ? ofTrue : 1 - ofTrue };
}

/** The losses of each entity by arm, as the registry keeps them. */
type Ledger = Map<string, readonly EntityLosses[]>;

const loss = requestLoss({ metric: 'logloss', bound: null });

function inLedger(
  policy: RolloutPolicy,
  ledger: Ledger,
  { id, step, ...answer }: ArmObservation & { readonly id: number; readonly step: number },
): ArmObservation {
  const value = answerLoss(loss, answer);
  if (typeof value === 'string') return answer;
  const key = `${answer.arm}/${id}`;
  const day = Math.floor(answer.eventTimeMs / dayMs);
  const weightOf = stepWeight(policy, answer.arm);
  const known = ledger.get(key) ?? [];
  const { after, change } = addLoss(known, { step, day, loss: value }, weightOf);
  ledger.set(key, [...known.filter((each) => each.step !== step), after]);
  return { ...answer, change };
}

interface DrawnEntity {
  readonly id: number;
  /** Its place in the assignment, 0–1: the challenger has the places below its share. */
  readonly point: number;
  readonly rate: number;
}

function drawEntities(
  { entities, size, rateOf }: EntityTraffic,
  random: Random,
): () => DrawnEntity {
  let next = 0;
  const create = (): DrawnEntity => ({ id: next++, point: random(), rate: rateOf(random) });
  if (!Number.isFinite(entities)) return create;
  const all = Array.from({ length: entities }, create);
  const sums: number[] = [];
  for (let place = 1; place <= entities; place += 1) sums.push((sums.at(-1) ?? 0) + place ** -size);
  const total = sums.at(-1) ?? 0;
  return () => {
    const point = random() * total;
    let [low, high] = [0, entities - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) < point) low = middle + 1;
      else high = middle;
    }
    const found = all[low];
    if (found === undefined) throw new Error('there are no entities');
    return found;
  };
}
