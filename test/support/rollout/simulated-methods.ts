/** Whole rollouts by any method on the same simulated traffic, with the versions that answer it. */
import { newMove } from '../../../domain/rollout/judging/bandit/bandit-share';
import { decideRollout } from '../../../domain/rollout/judging/decide-rollout';
import type { RolloutVerdict } from '../../../domain/rollout/judging/verdict';
import type { RolloutPolicy } from '../../../domain/rollout/policy';
import {
  addObservations,
  emptyRolloutState,
  type ArmCounts,
  type ObservedPair,
  type RolloutObservations,
  type RolloutState,
} from '../../../domain/rollout/state';
import { simulatedStart, type SimulatedTraffic, type WatchedRollout } from './simulated-rollouts';

const dayMs = 86_400_000;
const versions = { champion: 1, challenger: 2 } as const;
const names = { champion: 'simulated@1', challenger: 'simulated@2' };
type ArmName = keyof typeof versions;

export interface MethodEnd {
  /** `undecided`: the horizon was over, so the champion stays. */
  readonly kind: 'promoted' | 'rolledBack' | 'undecided';
  /** Days until the end. */
  readonly days: number;
  /**
   * The share of the requests of the whole horizon that the challenger answered, also after an
   * earlier end: then all or none.
   */
  readonly challengerShare: number;
  /** Of a bandit: its moves, and the share of the entities that changed version. */
  readonly moves: number;
  readonly changedEntities: number;
}

/**
 * Plays a rollout until its end. Labels arrive one look later. In an A/B rollout, the versions
 * score only their own requests, and otherwise both score each.
 */
export function playMethod(
  policy: RolloutPolicy,
  traffic: SimulatedTraffic,
  { random, looksPerDay }: WatchedRollout,
): MethodEnd {
  const effect = traffic.effects(random);
  const perLook = Math.round(traffic.pairsPerDay / looksPerDay);
  const total = { champion: 0, challenger: 0 };
  let state: RolloutState = emptyRolloutState;
  let inStep = { champion: 0, challenger: 0 };
  let due: readonly ObservedPair[] = [];
  let [step, weight] = [0, (policy.steps[0] ?? 0) / 100];
  let ofDay = 0;
  const looks = traffic.days * looksPerDay;
  for (let look = 0; look < looks; look += 1) {
    if (look % looksPerDay === 0) ofDay = traffic.mean + effect();
    const fromMs = simulatedStart + (look / looksPerDay) * dayMs;
    const pairs = Array.from({ length: perLook }, (): ObservedPair => {
      const { label, champion, challenger } = traffic.draw(random, ofDay);
      const assigned: ArmName = random() < weight ? 'challenger' : 'champion';
      inStep[assigned] += 1;
      total[assigned] += 1;
      const isAb = policy.method === 'ab';
      return {
        eventTime: new Date(fromMs).toISOString(),
        label,
        champion: isAb && assigned !== 'champion' ? null : champion,
        challenger: isAb && assigned !== 'challenger' ? null : challenger,
        assigned,
        ...(isAb && { assignedVersion: versions[assigned] }),
        step,
      };
    });
    const before = state.evidence;
    state = addObservations(
      policy,
      state,
      { ...names, step, extendedSeconds: 0, status: 'running', weight },
      {
        ...observed(policy, { inStep, total }),
        eventNow: new Date(fromMs + dayMs / looksPerDay).toISOString(),
        ripeUntil: new Date(fromMs).toISOString(),
        pairs: due,
      },
    );
    due = pairs;
    if (state.evidence === null) continue;
    const verdict = decideRollout(policy, state.evidence);
    const kind = endIn(verdict);
    if (kind !== null) {
      const left = (looks - look - 1) * perLook;
      const answered = total.challenger + (kind === 'promoted' ? left : 0);
      return toEnd(state, {
        kind,
        days: (look + 1) / looksPerDay,
        share: answered / (looks * perLook),
      });
    }
    if (verdict.kind === 'advance') {
      [step, weight] = [verdict.toStep, verdict.percent / 100];
      inStep = { champion: 0, challenger: 0 };
    }
    weight = newMove(before, state.evidence)?.to ?? weight;
  }
  const share = total.challenger / (looks * perLook);
  return toEnd(state, { kind: 'undecided', days: traffic.days, share });
}

function endIn({ kind }: RolloutVerdict): MethodEnd['kind'] | null {
  switch (kind) {
    case 'promote':
      return 'promoted';
    case 'harm':
      return 'rolledBack';
    case 'expired':
      return 'undecided';
    case 'stopArm':
    case 'advance':
    case 'continue':
      return null;
  }
}

function toEnd(
  { evidence }: RolloutState,
  end: { readonly kind: MethodEnd['kind']; readonly days: number; readonly share: number },
): MethodEnd {
  const { moves = 0, lowest = 0, highest = 0 } = evidence?.bandit ?? {};
  const { kind, days, share: challengerShare } = end;
  return { kind, days, challengerShare, moves, changedEntities: highest - lowest };
}

/** No request fails or is slow, and each has an entity of its own. */
function observed(
  policy: RolloutPolicy,
  { inStep, total }: Readonly<Record<'inStep' | 'total', Readonly<Record<ArmName, number>>>>,
): Pick<RolloutObservations, 'step' | 'total' | 'answers' | 'ab'> {
  const requests = inStep.champion + inStep.challenger;
  const isAb = policy.method === 'ab';
  const counts = (assigned: number): ArmCounts => ({
    requests: isAb ? assigned : requests,
    errors: 0,
    assigned,
    fallbacks: 0,
    slow: 0,
    ripe: 0,
    labelled: 0,
  });
  const by = (of: Readonly<Record<ArmName, number>>) => ({
    champion: counts(of.champion),
    challenger: counts(of.challenger),
  });
  const arm = (name: ArmName, share: number) => ({
    version: versions[name],
    arm: names[name],
    share,
    entities: total[name],
    isStopped: false,
    counts: counts(total[name]),
  });
  const share = (policy.steps[0] ?? 0) / 100;
  return {
    step: by(inStep),
    total: by(total),
    answers: { streamed: 0, late: 0, costly: 0, blocked: 0, malformed: 0 },
    ...(isAb && {
      ab: { champion: arm('champion', 1 - share), challengers: [arm('challenger', share)] },
    }),
  };
}
