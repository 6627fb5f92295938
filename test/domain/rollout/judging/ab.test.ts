import { decideRollout } from '../../../../domain/rollout/judging/decide-rollout';
import type { RolloutVerdict } from '../../../../domain/rollout/judging/verdict';
import {
  addObservations,
  emptyRolloutState,
  type RolloutState,
} from '../../../../domain/rollout/state';
import { startedAt } from '../../../support/rollout/seen-rollouts';
import {
  policy,
  position,
  watched,
  buildWorld as of,
  zero,
} from '../../../support/rollout/simulated-ab';

const day = 86_400;
const codes = ({ reasons }: RolloutVerdict) => reasons.map(({ code }) => code);
const texts = ({ reasons }: RolloutVerdict) => reasons.map(({ message }) => message).join('\n');

describe('an A/B rollout', () => {
  test('waits until its horizon, however clear the result is, and promotes the best challenger', () => {
    const { verdict, days } = watched(of([0.5, 0.55, 0.7, 0.6]), 30);
    expect(days).toBe(21);
    expect(verdict).toMatchObject({ kind: 'promote', winner: 'model@3' });
    expect(codes(verdict)).toContain('winner.chosen');
    const before = watched(of([0.5, 0.55, 0.7, 0.6]), 20).verdict;
    expect(before).toMatchObject({ kind: 'continue', remaining: { seconds: day } });
    expect(texts(before)).toContain('the winner is chosen at the end');
    expect(texts(before)).toContain('model@3: logloss');
  });

  test('keeps the champion if no challenger meets the demand', () => {
    const { verdict } = watched(of([0.5, 0.49, 0.49, 0.49], 2, 100), 30);
    expect(verdict).toMatchObject({ kind: 'expired', action: 'rollback' });
    expect(verdict.reasons.at(-1)?.message).toContain('no challenger met the demand');
  });

  test('takes the traffic of a challenger with harm, and the others go on', () => {
    const bad = { version: 3, share: 0.2 };
    const { verdict, stopped, days, state } = watched(
      { ...of([0.5, 0.6, 0.7, 0.5]), failing: bad },
      30,
    );
    expect(stopped).toEqual([3]);
    expect(days).toBe(21);
    // The best of the others, although the stopped one had the smallest loss.
    expect(verdict).toMatchObject({ kind: 'promote', winner: 'model@2' });
    expect(texts(verdict)).toContain('model@3: it gets no more traffic');
    expect(state.evidence?.ab?.others[0]).toMatchObject({
      requestsInStep: expect.any(Number) as number,
    });
    expect(state.evidence?.ab?.others[0]?.requestsInStep).toBeLessThan(1_000);
  });

  test('ends with harm when every challenger does harm', () => {
    const { verdict, stopped } = watched(of([0.7, 0.2, 0.2, 0.2]), 30);
    expect(stopped).toEqual([]);
    expect(verdict).toMatchObject({ kind: 'harm', metric: 'logloss' });
  });

  test('stops when entities are not divided as planned, and names the shares', () => {
    const lossy = { ...of([0.5, 0.6, 0.6, 0.6]), shares: [0.28, 0.28, 0.16, 0.28] };
    const { verdict, days } = watched(lossy, 30);
    expect(days).toBeLessThan(3);
    expect(verdict).toMatchObject({ kind: 'expired', action: 'rollback', isInvalid: true });
    expect(verdict.reasons.at(-1)).toMatchObject({
      code: 'rollout.sampleRatio',
      message: expect.stringMatching(
        /not divided as planned: .*model@3 1\d\.?\d* % of 25 %/,
      ) as string,
    });
  });

  test('starts with the planned shares before any entity', () => {
    expect(judgeState(look(emptyRolloutState, {})).kind).toBe('continue');
  });

  test('finds the same harm again, whatever arrives before its challenger is stopped', () => {
    const harmed = look(emptyRolloutState, { n: 100, failed: { 3: 50 } });
    const found = judgeState(harmed);
    expect(found).toMatchObject({ kind: 'stopArm', arm: 'model@3', metric: 'errors' });
    const healed = look(harmed, { n: 100_000, failed: { 3: 50 } });
    expect(judgeState(healed)).toMatchObject({ kind: 'stopArm', arm: 'model@3', metric: 'errors' });
    expect(healed.evidence?.ab?.others[0]).toEqual(harmed.evidence?.ab?.others[0]);
    expect(healed.evidence?.requestsInStep).toBe(100_000);
  });

  describe('after it has passed', () => {
    const passed = look(emptyRolloutState, { n: 1_000, winner: 3 });

    test('ends with harm when its winner does harm', () => {
      const harmed = look(passed, { n: 2_000, failed: { 2: 1_000, 3: 1_000 }, winner: 3 });
      expect(judgeState(harmed)).toMatchObject({ kind: 'harm', metric: 'errors' });
      const healed = look(harmed, { n: 900_000, failed: { 3: 1_000 }, winner: 3 });
      expect(healed).toBe(harmed);
    });

    test('ends with harm when its winner has been stopped for harm', () => {
      const harmed = look(emptyRolloutState, { n: 100, failed: { 3: 50 } });
      const stopped = look(harmed, { n: 200, failed: { 3: 50 }, stopped: [3], winner: 3 });
      expect(judgeState(stopped)).toMatchObject({ kind: 'harm', metric: 'errors' });
      const both = look(harmed, { n: 200, failed: { 2: 150, 3: 50 }, stopped: [3], winner: 3 });
      expect(judgeState(both)).toMatchObject({ kind: 'harm', metric: 'errors' });
    });

    test('only stops another challenger', () => {
      const harmed = look(passed, { n: 2_000, failed: { 4: 1_000 }, winner: 3 });
      expect(judgeState(harmed)).toMatchObject({ kind: 'stopArm', arm: 'model@4' });
    });
  });
});

/** Four versions with `n` requests each, of which some failed by version. */
function look(
  state: RolloutState,
  {
    n = 0,
    failed = {},
    stopped = [],
    winner,
  }: {
    readonly n?: number;
    readonly failed?: Readonly<Record<number, number>>;
    readonly stopped?: readonly number[];
    readonly winner?: number;
  },
): RolloutState {
  const [champion, ...challengers] = [1, 2, 3, 4].map((version) => ({
    version,
    arm: `model@${version}`,
    share: 0.25,
    entities: n,
    isStopped: stopped.includes(version),
    counts: { ...zero, requests: n, assigned: n, fallbacks: failed[version] ?? 0 },
  }));
  if (champion === undefined) throw new Error('there are four versions');
  return addObservations(policy, state, position, {
    eventNow: startedAt,
    ripeUntil: null,
    step: { champion: zero, challenger: zero },
    total: { champion: zero, challenger: zero },
    answers: { streamed: 0, late: 0, costly: 0, blocked: 0, malformed: 0 },
    pairs: [],
    ab: { champion, challengers, ...(winner !== undefined && { winner: `model@${winner}` }) },
  });
}

function judgeState({ evidence }: RolloutState): RolloutVerdict {
  if (evidence === null) throw new Error('there is evidence');
  return decideRollout(policy, evidence);
}
