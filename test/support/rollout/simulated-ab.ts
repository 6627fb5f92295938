/** A/B rollouts of four versions on simulated traffic, watched as the activity does. */
import { decideRollout } from '../../../domain/rollout/judging/decide-rollout';
import type { RolloutVerdict } from '../../../domain/rollout/judging/verdict';
import {
  addObservations,
  emptyRolloutState,
  type ArmCounts,
  type ArmObservations,
  type ObservedPair,
  type RolloutState,
} from '../../../domain/rollout/state';
import { seededRandom, type Random } from '../../../domain/statistics/random';
import { policyWith } from './policies';
import { startedMs } from './seen-rollouts';

const day = 86_400;
export const policy = policyWith({
  canary: { method: 'ab', steps: [75], against: [3, 4], maxDurationSeconds: 21 * day },
  quality: { margin: 0.03 },
});
const model = 'model';
export const position = {
  champion: `${model}@1`,
  challenger: `${model}@2`,
  step: 0,
  extendedSeconds: 0,
};

interface World {
  /** Scores of the true class by version, the champion first. */
  readonly scores: readonly number[];
  /** Real shares of entities; the planned ones are equal. */
  readonly shares?: readonly number[];
  readonly failing?: { readonly version: number; readonly share: number };
  readonly perDay: number;
  readonly random: Random;
}

/** A day of traffic: labels are due at its end. */
function drawDay(
  { scores, perDay, random, shares = scores.map(() => 1 / scores.length) }: World,
  day: number,
): readonly ObservedPair[] {
  return Array.from({ length: perDay }, (_, index) => {
    let point = random();
    const place = Math.max(
      0,
      shares.findIndex((share) => (point -= share) < 0),
    );
    const score = Math.min(0.98, Math.max(0.02, (scores[place] ?? 0.5) + 0.2 * (random() - 0.5)));
    const isChampion = place === 0;
    return {
      eventTime: new Date(startedMs + (day + index / perDay) * 86_400_000).toISOString(),
      label: 1,
      champion: isChampion ? score : null,
      challenger: isChampion ? null : score,
      assigned: isChampion ? 'champion' : 'challenger',
      assignedVersion: place + 1,
      step: 0,
    };
  });
}

interface Watched {
  readonly verdict: RolloutVerdict;
  readonly state: RolloutState;
  readonly days: number;
  readonly stopped: readonly number[];
}

/** Watches a rollout once per day, as the activity does. */
export function watched(world: World, days: number): Watched {
  const versions = world.scores.map((_, index) => index + 1);
  const requests = new Map(versions.map((version) => [version, 0]));
  const stopped = new Set<number>();
  let state = emptyRolloutState;
  const none = { champion: zero, challenger: zero };
  const observe = (pairs: readonly ObservedPair[], at: number) => {
    const asOf = new Date(startedMs + at * 86_400_000).toISOString();
    const buildArm = (version: number): ArmObservations => {
      const n = requests.get(version) ?? 0;
      const failed = world.failing?.version === version ? Math.round(n * world.failing.share) : 0;
      return {
        version,
        arm: `${model}@${version}`,
        share: 1 / versions.length,
        entities: n,
        isStopped: stopped.has(version),
        counts: { ...zero, assigned: n, requests: n, fallbacks: failed, ripe: n, labelled: n },
      };
    };
    const [champion = 1, ...challengers] = versions;
    state = addObservations(policy, state, position, {
      eventNow: asOf,
      ripeUntil: asOf,
      step: none,
      total: none,
      answers: { streamed: 0, late: 0, costly: 0, blocked: 0, malformed: 0 },
      pairs,
      ab: { champion: buildArm(champion), challengers: challengers.map(buildArm) },
    });
    if (state.evidence === null) throw new Error('traffic gives evidence');
    return decideRollout(policy, state.evidence);
  };
  let found = observe([], 0);
  for (let of = 0; of < days; of += 1) {
    const pairs = drawDay(world, of);
    for (const { assignedVersion = 1 } of pairs)
      requests.set(assignedVersion, (requests.get(assignedVersion) ?? 0) + 1);
    found = observe(pairs, of + 1);
    while (found.kind === 'stopArm') {
      stopped.add(Number(found.arm.split('@')[1]));
      found = observe([], of + 1);
    }
    if (found.kind !== 'continue')
      return { verdict: found, state, days: of + 1, stopped: [...stopped] };
  }
  return { verdict: found, state, days, stopped: [...stopped] };
}

export const zero: ArmCounts = {
  requests: 0,
  errors: 0,
  assigned: 0,
  fallbacks: 0,
  slow: 0,
  ripe: 0,
  labelled: 0,
};
const random = (world: number) => seededRandom([world, 0xab, 3, 17]);
/** Four versions with this loss of each challenger, compared with the champion. */
export const buildWorld = (scores: readonly number[], world = 1, perDay = 2_000): World => ({
  scores,
  perDay,
  random: random(world),
});
