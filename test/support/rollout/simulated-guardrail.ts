import type { ControlCount } from '../../../domain/rollout/judging/guardrail-control';
import type { RolloutEvidence } from '../../../domain/rollout/judging/evidence';
import { startEvidence } from '../../../domain/rollout/judging/observe';
import { readMetrics } from '../../../domain/rollout/judging/readings';
import type { RolloutPolicy } from '../../../domain/rollout/policy';
import type { Random } from '../../../domain/statistics/random';

/** A serving step whose requests fail, by the arm of their entity. */
export interface FailingStep {
  readonly policy: RolloutPolicy;
  readonly requests: number;
  /** Probability that a request fails, by its place in the step (0–1). */
  readonly champion: (place: number) => number;
  readonly challenger: (place: number) => number;
  /** The challenger's share of entities, 0–1, by the place in the step. */
  readonly share: (place: number) => number;
  /** Requests of an entity, all in the same arm; 1 by default. */
  readonly perEntity?: number;
}

export interface FailingOutcome {
  /** Whether the guardrail of failures was ever exceeded, and after how many requests. */
  readonly exceededAfter: number | null;
  /** The same by the limit alone. */
  readonly byLimitAfter: number | null;
}

const compared = 400;
const everyRequests = 40;

/** Looks after every forty requests, as a rollout does. */
export function watchFailures(step: FailingStep, random: Random): FailingOutcome {
  const stretches: Counts[] = [];
  const total = { challenger: { n: 0, events: 0 }, champion: { n: 0, events: 0 } };
  const isChallengers = new Map<number, boolean>();
  const [byControl, byLimit] = [buildEvidence(step.policy), buildEvidence(step.policy)];
  let exceededAfter: number | null = null;
  let byLimitAfter: number | null = null;
  for (let request = 0; request < step.requests; request += 1) {
    const place = request / step.requests;
    const entity = Math.floor(request / (step.perEntity ?? 1));
    const assigned = isChallengers.get(entity) ?? random() < step.share(place);
    isChallengers.set(entity, assigned);
    const arm = assigned ? 'challenger' : 'champion';
    const failed = random() < step[arm](place) ? 1 : 0;
    const stretch = (stretches[Math.floor(request / compared)] ??= noCounts());
    for (const counts of [stretch[arm], total[arm]]) {
      counts.n += 1;
      counts.events += failed;
    }
    if ((request + 1) % everyRequests > 0) continue;
    const seen = { guardrails: { errors: { ...total.challenger } } };
    const control = { errors: countControl(total.champion, stretches) };
    if (exceededAfter === null && isExceeded(step.policy, { ...byControl, ...seen, control }))
      exceededAfter = request + 1;
    if (byLimitAfter === null && isExceeded(step.policy, { ...byLimit, ...seen }))
      byLimitAfter = request + 1;
  }
  return { exceededAfter, byLimitAfter };
}

type Counts = Record<'champion' | 'challenger', { n: number; events: number }>;

function noCounts(): Counts {
  return { champion: { n: 0, events: 0 }, challenger: { n: 0, events: 0 } };
}

/** What `db/rollout/control.ts` computes in SQL. */
function countControl(
  champion: { readonly n: number; readonly events: number },
  stretches: readonly Counts[],
): ControlCount {
  const expected = stretches.reduce(
    (sum, { champion: c, challenger: o }) => sum + ((c.events + o.events) * o.n) / (c.n + o.n),
    0,
  );
  return { ...champion, expected };
}

function buildEvidence(policy: RolloutPolicy): RolloutEvidence {
  const at = '2026-01-01T00:00:00Z';
  return { ...startEvidence(policy, { champion: 'm@1', challenger: 'm@2', at }), step: 1 };
}

function isExceeded(policy: RolloutPolicy, evidence: RolloutEvidence): boolean {
  return readMetrics(policy, evidence).some(
    ({ metric, outcome }) => metric === 'errors' && outcome === 'failed',
  );
}
