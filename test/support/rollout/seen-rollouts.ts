import type { RolloutEvidence } from '../../../domain/rollout/judging/evidence';
import type {
  ObservationBatch,
  RequestObservation,
} from '../../../domain/rollout/judging/observation';
import { enterStep, observe, startEvidence } from '../../../domain/rollout/judging/observe';
import type { RolloutPolicy } from '../../../domain/rollout/policy';
import { pairWorseBy } from './simulated-rollouts';

const dayMs = 86_400_000;
export const startedAt = '2013-08-01T00:00:00.000Z';
export const startedMs = Date.parse(startedAt);

export interface SeenTraffic {
  readonly days: number;
  readonly perDay: number;
  /** Loss of the challenger minus loss of the champion, by day and position in the day. */
  readonly difference: (day: number, index: number) => number;
}

export function startedRollout(policy: RolloutPolicy): RolloutEvidence {
  return startEvidence(policy, { champion: 'model@1', challenger: 'model@2', at: startedAt });
}

/** Pairs spread evenly over whole days, once per day; the clock is at the end of the last day. */
export function addPairs(
  policy: RolloutPolicy,
  evidence: RolloutEvidence,
  { days, perDay, difference }: SeenTraffic,
): RolloutEvidence {
  const fromMs = Date.parse(evidence.asOf);
  const pairs = Array.from({ length: days * perDay }, (_, place) => {
    const [day, index] = [Math.floor(place / perDay), place % perDay];
    return pairWorseBy(fromMs + (day + index / perDay) * dayMs, difference(day, index));
  });
  return seen(policy, evidence, { pairs, atMs: fromMs + days * dayMs });
}

export function seen(
  policy: RolloutPolicy,
  evidence: RolloutEvidence,
  { atMs, ...batch }: Partial<ObservationBatch> & { readonly atMs?: number },
): RolloutEvidence {
  const asOf = atMs === undefined ? evidence.asOf : new Date(atMs).toISOString();
  return observe(policy, evidence, { pairs: [], answers: [], requests: [], ...batch, asOf });
}

export function buildRequests(
  n: number,
  over: Partial<RequestObservation> = {},
): RequestObservation[] {
  return Array.from({ length: n }, () => ({ failed: false, latencyMs: 20, ...over }));
}

export function inStep(
  policy: RolloutPolicy,
  evidence: RolloutEvidence,
  step: number,
): RolloutEvidence {
  return enterStep(policy, evidence, { step, at: evidence.asOf });
}

/** Alternates around a mean. */
export function about(mean: number, spread = 0.1): SeenTraffic['difference'] {
  return (_day, index) => mean + (index % 2 === 0 ? spread : -spread);
}
