import { decideRollout } from '../../../../domain/rollout/judging/decide-rollout';
import type { RolloutVerdict } from '../../../../domain/rollout/judging/verdict';
import { addObservations, emptyRolloutState } from '../../../../domain/rollout/state';
import { startedAt } from '../../../support/rollout/seen-rollouts';
import {
  policy,
  position,
  watched,
  worldOf as of,
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
    expect(verdict).toMatchObject({ kind: 'expired', action: 'rollback' });
    expect(verdict.reasons.at(-1)).toMatchObject({
      code: 'rollout.sampleRatio',
      message: expect.stringMatching(
        /not divided as planned: .*model@3 1\d\.?\d* % of 25 %/,
      ) as string,
    });
  });

  test('starts with the planned shares before any entity', () => {
    const state = addObservations(policy, emptyRolloutState, position, {
      eventNow: startedAt,
      ripeUntil: null,
      step: { champion: zero, challenger: zero },
      total: { champion: zero, challenger: zero },
      answers: { streamed: 0, late: 0, costly: 0, blocked: 0, malformed: 0 },
      pairs: [],
      ab: {
        champion: {
          version: 1,
          arm: 'model@1',
          share: 0.25,
          entities: 0,
          isStopped: false,
          counts: zero,
        },
        challengers: [2, 3, 4].map((version) => ({
          version,
          arm: `model@${version}`,
          share: 0.25,
          entities: 0,
          isStopped: false,
          counts: zero,
        })),
      },
    });
    if (state.evidence === null) throw new Error('there is evidence');
    expect(decideRollout(policy, state.evidence).kind).toBe('continue');
  });
});
