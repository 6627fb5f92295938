import { addObservations, emptyRolloutState } from '../../../../domain/rollout/state';
import type {
  ArmCounts,
  ObservedPair,
  RolloutPosition,
  RolloutState,
} from '../../../../domain/rollout/state';
import {
  computeBelief,
  newMove,
  withShare,
} from '../../../../domain/rollout/judging/bandit/bandit-share';
import { decideRollout } from '../../../../domain/rollout/judging/decide-rollout';
import { decideWithCanary } from '../../../../domain/rollout/judging/other-rules';
import type { RolloutEvidence } from '../../../../domain/rollout/judging/evidence';
import { emptyDays, type DaysState } from '../../../../domain/statistics/days-sequence';
import { policyWith, shownCanary } from '../../../support/rollout/policies';
import {
  about,
  buildRequests,
  seen,
  startedRollout,
  startedMs,
  addPairs,
} from '../../../support/rollout/seen-rollouts';
import { pairWorseBy } from '../../../support/rollout/simulated-rollouts';

const dayMs = 86_400_000;
const banditWith = (steps: readonly number[] = [5, 95]) =>
  policyWith({ canary: { method: 'bandit', steps, maxDurationSeconds: 21 * 86_400 } });
const policy = banditWith();
const at = (days: number) => new Date(startedMs + days * dayMs).toISOString();

/** Closed days of the open week with these differences. */
const buildDays = (...differences: readonly number[]): DaysState => ({
  ...emptyDays,
  weekFrom: 0,
  week: {
    days: differences.length,
    sum: differences.reduce((sum, each) => sum + each, 0),
    sumSquares: differences.reduce((sum, each) => sum + each ** 2, 0),
  },
});
const withDays = (days: DaysState): RolloutEvidence => {
  const started = startedRollout(policy);
  return { ...started, quality: { ...started.quality, days } };
};
const share = 0.05;
const look = { eventNow: at(0.5), share, mayMove: true };
/** A look on the first day, then one on a later day. */
const moved = (days: DaysState, over: Partial<typeof look> = {}, of = policy) =>
  withShare(of, withShare(of, withDays(days), look), { ...look, eventNow: at(3.1), ...over });

describe('the probability that the challenger is better', () => {
  test('is that of a t distribution around the mean of the days', () => {
    // Mean −0.01, standard error 0.01/√3 · √(1.4/0.6), 2 degrees of freedom: ½ + t/(2√(2 + t²)).
    const t = Math.sqrt(3 / (1.4 / 0.6));
    const belief = computeBelief(buildDays(0, -0.01, -0.02), 0.4);
    expect(belief).toMatchObject({ days: 3 });
    expect(belief?.difference).toBeCloseTo(-0.01, 12);
    expect(belief?.probability).toBeCloseTo(0.5 + t / (2 * Math.sqrt(2 + t * t)), 10);
  });

  test('is unknown before there are two days', () => {
    expect(computeBelief(buildDays(), 0.4)).toBeNull();
    expect(computeBelief(buildDays(-0.01), 0.4)).toBeNull();
    expect(computeBelief(buildDays(-0.01, 0.01), 0.4)?.probability).toBeCloseTo(0.5, 12);
  });

  test('is 0.5 without any difference, and certain with the same difference on all days', () => {
    expect(computeBelief(buildDays(0, 0, 0), 0.4)?.probability).toBe(0.5);
    expect(computeBelief(buildDays(-0.25, -0.25), 0.4)?.probability).toBeCloseTo(1, 12);
    expect(computeBelief(buildDays(0.25, 0.25), 0.4)?.probability).toBeCloseTo(0, 12);
  });

  test('falls as the challenger gets worse, and is less certain if days are correlated', () => {
    const probability = (mean: number, correlation = 0.4) =>
      computeBelief(buildDays(mean - 0.01, mean, mean + 0.01, mean), correlation)?.probability ??
      NaN;
    const found = [-0.04, -0.02, -0.01, 0, 0.01, 0.02, 0.04].map((mean) => probability(mean));
    expect(found).toEqual([...found].sort((one, other) => other - one));
    expect(new Set(found).size).toBe(7);
    expect(probability(0.01)).toBeCloseTo(1 - probability(-0.01), 12);
    expect(probability(-0.01, 0)).toBeGreaterThan(probability(-0.01, 0.4));
  });

  test('counts closed weeks and the open week', () => {
    const week = { days: 5, sum: -0.05, sumSquares: 0.001 };
    const all = computeBelief({ ...buildDays(-0.01, -0.02), ...week, weeks: 1 } as DaysState, 0.4);
    expect(all).toMatchObject({ days: 7 });
    expect(all?.difference).toBeCloseTo(-0.08 / 7, 12);
  });
});

describe('the share of a bandit', () => {
  const good = buildDays(-0.02, -0.01, -0.02);
  const bad = buildDays(0.02, 0.01, 0.02);

  test('moves to the probability, in whole percents', () => {
    const evidence = moved(buildDays(0, -0.01, -0.02));
    expect(evidence.bandit).toEqual({
      day: Math.floor(Date.parse(at(3)) / dayMs),
      lowest: 0.05,
      highest: 0.81,
      moves: 1,
      recent: [expect.objectContaining({ at: at(3.1), from: 0.05, to: 0.81, days: 3 }) as unknown],
    });
  });

  test.each([
    ['a better challenger gets at most the greatest share', good, [5, 60], 0.05, 0.6],
    ['a worse challenger keeps the least share', bad, [5, 95], 0.6, 0.05],
    ['limits need not be whole percents', buildDays(0.25, 0.25, 0.25), [0.5, 99.5], 0.4, 0.005],
  ] as const)('%s', (_what, days, steps, from, to) => {
    const evidence = moved(days, { share: from }, banditWith(steps));
    expect(evidence.bandit?.recent.at(-1)).toMatchObject({ from, to });
  });

  test('stays while no day has labels, and where it is', () => {
    expect(moved(buildDays()).bandit).toMatchObject({ moves: 0, recent: [] });
    expect(moved(buildDays(-0.02)).bandit).toMatchObject({ moves: 0 });
    expect(moved(bad).bandit).toMatchObject({ moves: 0, lowest: 0.05, highest: 0.05 });
  });

  test('moves at the first look of a new day and never within a day', () => {
    const first = withShare(policy, withDays(good), look);
    expect(first.bandit?.moves).toBe(0);
    const within = withShare(policy, first, { ...look, eventNow: at(0.99) });
    expect(within).toEqual(first);
    const next = withShare(policy, within, { ...look, eventNow: at(1) });
    expect(next.bandit?.moves).toBe(1);
    const { to = NaN } = next.bandit?.recent[0] ?? {};
    // A second attempt and a late one change nothing, whatever they measured meanwhile.
    const worse = { ...next, quality: { ...next.quality, days: bad } };
    for (const eventNow of [at(1), at(1.9), at(0.2)])
      expect(withShare(policy, worse, { ...look, share: to, eventNow })).toEqual(worse);
    const back = withShare(policy, worse, { ...look, share: to, eventNow: at(2) });
    expect(back.bandit).toMatchObject({ moves: 2, lowest: 0.05, highest: to });
  });

  test('begins a day in the time zone of the lifecycle', () => {
    const tokyo = { ...policy, timezone: 'Asia/Tokyo' };
    const first = withShare(tokyo, withDays(good), { ...look, eventNow: at(14 / 24) });
    expect(withShare(tokyo, first, { ...look, eventNow: at(14.9 / 24) }).bandit?.moves).toBe(0);
    expect(withShare(tokyo, first, { ...look, eventNow: at(15 / 24) }).bandit?.moves).toBe(1);
  });

  test('does not move on a day whose first look came while it was held', () => {
    const held = moved(good, { mayMove: false });
    expect(held.bandit).toMatchObject({ moves: 0, day: Math.floor(Date.parse(at(3)) / dayMs) });
    expect(withShare(policy, held, { ...look, eventNow: at(3.5) }).bandit?.moves).toBe(0);
    expect(withShare(policy, held, { ...look, eventNow: at(4) }).bandit?.moves).toBe(1);
  });

  test('stays 0 before the first requests and after it has passed without traffic', () => {
    expect(moved(good, { share: 0 }).bandit?.moves).toBe(0);
    expect(withShare(policy, withDays(good), { ...look, share: 0 }).bandit).toBeUndefined();
  });

  test('is no part of other methods', () => {
    const canary = policyWith();
    const evidence = startedRollout(canary);
    expect(withShare(canary, evidence, look)).toBe(evidence);
  });

  test('keeps the newest sixty moves, and the number of all', () => {
    let evidence = withShare(policy, withDays(good), look);
    for (let day = 1; day <= 70; day += 1) {
      const days = day % 2 === 0 ? bad : good;
      const now = evidence.bandit?.recent.at(-1)?.to ?? share;
      evidence = withShare(
        policy,
        { ...evidence, quality: { ...evidence.quality, days } },
        { ...look, share: now, eventNow: at(day) },
      );
    }
    expect(evidence.bandit).toMatchObject({ moves: 70 });
    expect(evidence.bandit?.recent).toHaveLength(60);
    expect(evidence.bandit?.recent.at(-1)?.at).toBe(at(70));
  });
});

const none: ArmCounts = {
  requests: 0,
  errors: 0,
  assigned: 0,
  fallbacks: 0,
  slow: 0,
  ripe: 0,
  labelled: 0,
};
const counts = { champion: none, challenger: none };

/** Watches days of paired traffic as the activity does: each look gets the share of the last. */
function watched(
  mean: number,
  days: number,
  over: Partial<RolloutPosition> & { readonly isBehind?: true } = {},
): { readonly state: RolloutState; readonly shares: readonly number[] } {
  const { isBehind, ...position } = over;
  const shares: number[] = [];
  let [state, weight] = [emptyRolloutState, share];
  for (let day = 0; day <= days; day += 1) {
    const pairs = Array.from({ length: day === 0 ? 0 : 100 }, (_, index): ObservedPair => {
      const { eventTimeMs, label, ...scores } = pairWorseBy(
        startedMs + (day - 1 + index / 100) * dayMs,
        mean + (index % 2 === 0 ? 0.1 : -0.1) + 0.004 * ((day % 3) - 1),
      );
      return {
        eventTime: new Date(eventTimeMs).toISOString(),
        label: label ?? 0,
        ...scores,
        assigned: 'champion',
        step: 0,
      };
    });
    const before = state;
    state = addObservations(
      policy,
      state,
      {
        champion: 'm@1',
        challenger: 'm@2',
        step: 0,
        extendedSeconds: 0,
        status: 'running',
        weight,
        ...position,
      },
      {
        eventNow: at(day + 0.01),
        ripeUntil: at(day + 0.005),
        step: counts,
        total: counts,
        answers: { streamed: 0, late: 0, costly: 0, blocked: 0, malformed: 0 },
        pairs,
        ...(isBehind && { isBehind }),
      },
    );
    weight = newMove(before.evidence, state.evidence)?.to ?? weight;
    shares.push(weight);
  }
  return { state, shares };
}

describe('a watched bandit', () => {
  test('gives a better challenger more traffic after two days with labels, and a worse one less', () => {
    const better = watched(-0.006, 6).shares;
    expect(better.slice(0, 2)).toEqual([0.05, 0.05]);
    expect(better.at(-1)).toBeGreaterThan(0.8);
    const worse = watched(0.006, 6, {}).shares;
    expect(worse.at(-1)).toBeLessThan(0.2);
  });

  test.each<[string, Parameters<typeof watched>[2]]>([
    ['it is held', { status: 'held' }],
    ['it has passed', { status: 'passed' }],
    ['more due labels wait', { isBehind: true }],
  ])('does not move while %s', (_what, over) => {
    expect(new Set(watched(-0.006, 6, over).shares)).toEqual(new Set([0.05]));
  });

  test('finds the same moves in the same observations', () => {
    expect(watched(-0.006, 6)).toEqual(watched(-0.006, 6));
  });
});

describe('the verdict of a bandit', () => {
  const measured = (mean: number, days: number, of = policy) => {
    const grown = addPairs(of, startedRollout(of), {
      days,
      perDay: 300,
      difference: (day, index) => about(mean)(day, index) + 0.001 * ((day % 3) - 1),
    });
    return seen(of, grown, { requests: buildRequests(400) });
  };
  const listTexts = (evidence: RolloutEvidence) =>
    decideRollout(policy, evidence).reasons.filter(({ gate }) => gate === 'bandit');

  test('is that of a canary with one step, whatever its share', () => {
    const canary = policyWith({ canary: { steps: [5], maxDurationSeconds: 21 * 86_400 } });
    for (const [mean, days] of [
      [0, 2],
      [-0.005, 8],
      [0.08, 2],
      [0.009, 22],
    ] as const) {
      const { reasons, ...bandit } = decideRollout(policy, measured(mean, days));
      const { reasons: others, ...same } = decideRollout(canary, measured(mean, days, canary));
      expect(bandit).toEqual(same);
      expect(reasons.filter(({ gate }) => gate !== 'bandit')).toEqual(others);
    }
    expect(decideRollout(policy, measured(-0.005, 8)).kind).toBe('promote');
    expect(decideRollout(policy, measured(0.08, 2)).kind).toBe('harm');
    expect(decideRollout(policy, measured(0.009, 22)).kind).toBe('expired');
  });

  test('states what it gives up before the first move', () => {
    expect(listTexts(measured(0, 2))).toEqual([
      {
        gate: 'bandit',
        code: 'bandit.share',
        message: "the challenger's share has not moved yet (limits 5 % and 95 %)",
        outcome: 'notApplicable',
      },
      expect.objectContaining({
        code: 'bandit.givenUp',
        outcome: 'notApplicable',
        message:
          'given up: entities change version; shares are not tested; guardrails pool all shares',
        details: expect.arrayContaining([
          'entities change version during the rollout',
          'quality is shown no sooner than at a fixed share, because both versions score every request',
        ]) as unknown,
      }),
    ]);
  });

  test.each([-0.005, 0, 0.08])('states what moving gave up, also in its end (%d)', (mean) => {
    const evidence = withShare(policy, withShare(policy, measured(mean, 8), look), {
      ...look,
      share: 0.4,
      eventNow: at(8.1),
    });
    const [share, givenUp] = listTexts(evidence);
    expect(share?.message).toMatch(
      /^share of the challenger 40 % → \d+ %: better with probability .* by 8 days, mean difference in loss [−+\d]/,
    );
    const { lowest = NaN, highest = NaN } = evidence.bandit ?? {};
    const changed = Number((100 * (highest - lowest)).toPrecision(3));
    expect(givenUp).toMatchObject({
      code: 'bandit.givenUp',
      message: `given up: ${changed} % of entities changed version in 1 move; shares are not tested; guardrails pool all shares`,
    });
    expect(givenUp?.details).toHaveLength(5);
    for (const { message } of listTexts(evidence)) expect(message.length).toBeLessThanOrEqual(120);
  });

  test('may be asked under other rules of quality', () => {
    const verdict = decideWithCanary(policy, measured(0.004, 8), {
      ...shownCanary,
      quality: { ...shownCanary.quality, margin: 0.001, largeHarm: 0.04 },
    });
    expect(verdict.kind).toBe('continue');
    expect('reasons' in verdict && verdict.reasons.map(({ code }) => code)).toContain(
      'bandit.givenUp',
    );
  });
});
