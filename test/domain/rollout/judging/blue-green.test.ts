import {
  decideBeforeTraffic,
  decideRollout,
} from '../../../../domain/rollout/judging/decide-rollout';
import type { RolloutEvidence } from '../../../../domain/rollout/judging/evidence';
import type { RolloutVerdict } from '../../../../domain/rollout/judging/verdict';
import { policyWith, type PolicyChange } from '../../../support/rollout/policies';
import {
  about,
  inStep,
  buildRequests,
  seen,
  startedRollout,
  addPairs,
} from '../../../support/rollout/seen-rollouts';

const day = 86_400;
const codes = ({ reasons }: RolloutVerdict) => reasons.map(({ code }) => code);
const texts = ({ reasons }: RolloutVerdict) =>
  reasons.flatMap(({ message, details = [] }) => [message, ...details]).join('\n');

const blueGreen = (change: PolicyChange & { readonly requireShadow?: false } = {}) =>
  policyWith({
    ...change,
    canary: {
      method: 'blueGreen',
      steps: [0, 100],
      ...(change.requireShadow === false && { requireShadow: false }),
    },
    test: { minDurationSeconds: 2 * day, ...change.test },
  });
const policy = blueGreen();

/** Pairs of two days after the switch, with as many requests. */
function switched(
  of: typeof policy,
  pairs: { readonly days: number; readonly mean: number; readonly spread?: number },
  requests: Parameters<typeof buildRequests>[1] = {},
): RolloutEvidence {
  const { days, mean, spread } = pairs;
  const evidence = addPairs(of, inStep(of, startedRollout(of), 1), {
    days,
    perDay: 300,
    difference: about(mean, spread),
  });
  return seen(of, evidence, { requests: buildRequests(days * 300, requests) });
}

describe('a blue/green rollout before its switch', () => {
  test('needs quality in shadow, but no minimum of time', () => {
    const half = addPairs(policy, startedRollout(policy), {
      days: 1,
      perDay: 1_500,
      difference: about(-0.02),
    });
    expect(
      decideRollout(policy, seen(policy, half, { requests: buildRequests(300) })),
    ).toMatchObject({
      kind: 'advance',
      toStep: 1,
      percent: 100,
    });
    const open = addPairs(policy, startedRollout(policy), {
      days: 1,
      perDay: 300,
      difference: about(0.01),
    });
    const verdict = decideRollout(policy, seen(policy, open, { requests: buildRequests(300) }));
    expect(verdict.kind).toBe('continue');
    expect(codes(verdict)).toContain('rollout.quality');
    expect(codes(verdict)).not.toContain('rollout.duration');
  });

  test('without a required shadow switches with any evidence, and before any traffic', () => {
    const warm = blueGreen({ requireShadow: false });
    expect(decideBeforeTraffic(warm, 0)).toMatchObject({ kind: 'advance', toStep: 1 });
    expect(decideRollout(warm, startedRollout(warm))).toMatchObject({ kind: 'advance', toStep: 1 });
    expect(decideBeforeTraffic(warm, 1)).toBeNull();
    expect(decideBeforeTraffic(policy, 0)).toBeNull();
    expect(decideBeforeTraffic(policyWith(), 0)).toBeNull();
  });

  test('ends with harm if the challenger fails in shadow, required or not', () => {
    for (const each of [policy, blueGreen({ requireShadow: false })]) {
      const failing = seen(each, startedRollout(each), {
        requests: buildRequests(300, { failed: true }),
      });
      expect(decideRollout(each, failing)).toMatchObject({ kind: 'harm', metric: 'errors' });
    }
  });
});

describe('a blue/green rollout after its switch', () => {
  test('promotes after minDuration without harm, and says that quality is not shown', () => {
    const early = decideRollout(policy, switched(policy, { days: 1, mean: 0.005 }));
    expect(early.kind).toBe('continue');
    expect(texts(early)).toContain('1 days of 2d required event time since the switch');

    const verdict = decideRollout(policy, switched(policy, { days: 2, mean: 0.005 }));
    expect(verdict.kind).toBe('promote');
    expect(verdict.reasons.at(-1)).toEqual({
      gate: 'switch',
      code: 'switch.unharmed',
      message: 'no harm was shown in 2 days after the switch',
      outcome: 'passed',
      details: ['not shown: that logloss is below the 0.01 margin'],
    });
  });

  test('does not count the time of the shadow', () => {
    const shadow = addPairs(policy, startedRollout(policy), {
      days: 5,
      perDay: 300,
      difference: about(-0.02),
    });
    const evidence = seen(policy, inStep(policy, shadow, 1), { requests: buildRequests(300) });
    const verdict = decideRollout(policy, evidence);
    expect(verdict).toMatchObject({ kind: 'continue', remaining: { seconds: 2 * day } });
  });

  test('says so if quality is shown as well', () => {
    const verdict = decideRollout(policy, switched(policy, { days: 4, mean: -0.05, spread: 0.01 }));
    expect(verdict.kind).toBe('promote');
    expect(codes(verdict)).toContain('quality.shown');
    expect(verdict.reasons.at(-1)?.details).toBeUndefined();
  });

  test('ends with harm when the old version, scored beside, is shown to be better', () => {
    const verdict = decideRollout(policy, switched(policy, { days: 1, mean: 0.3 }));
    expect(verdict).toMatchObject({ kind: 'harm', metric: 'logloss' });
  });

  test('does not promote while its traffic refutes the margin and the days are open', () => {
    const weekly = blueGreen({ test: { minDurationSeconds: 7 * day } });
    const evidence = switched(weekly, { days: 7, mean: 0.03, spread: 0.01 });
    const bad = {
      ...evidence,
      quality: { ...evidence.quality, days: startedRollout(weekly).quality.days },
    };
    const verdict = decideRollout(weekly, bad);
    expect(verdict.kind).toBe('continue');
    expect(codes(verdict)).toContain('rollout.contradicted');
  });

  test('ends with harm when callers wait too long', () => {
    const verdict = decideRollout(
      policy,
      switched(policy, { days: 1, mean: 0 }, { latencyMs: 900 }),
    );
    expect(verdict).toMatchObject({ kind: 'harm', metric: 'latency_ms' });
  });

  test('compares nothing if labels depend on the answer, and says so', () => {
    const arms = blueGreen({ comparison: 'arms' });
    const evidence = seen(arms, inStep(arms, startedRollout(arms), 1), {
      requests: buildRequests(300),
      answers: Array.from({ length: 300 }, (_, index) => ({
        eventTimeMs: Date.parse(startedRollout(arms).startedAt) + index * 60_000,
        arm: 'challenger' as const,
        label: 1,
        score: 0.001,
      })),
      atMs: Date.parse(startedRollout(arms).startedAt) + 2 * day * 1000,
    });
    const verdict = decideRollout(arms, evidence);
    expect(verdict.kind).toBe('promote');
    expect(verdict.reasons[0]).toMatchObject({
      code: 'quality.noControl',
      outcome: 'notApplicable',
    });
    expect(texts(verdict)).toContain('not tested: logloss');
  });
});

test('a shadow says that it answered no request', () => {
  const shadow = policyWith({ canary: { method: 'shadow', steps: [0] } });
  const evidence = addPairs(shadow, startedRollout(shadow), {
    days: 8,
    perDay: 300,
    difference: about(-0.02),
  });
  const verdict = decideRollout(shadow, seen(shadow, evidence, { requests: buildRequests(300) }));
  expect(verdict.kind).toBe('promote');
  expect(verdict.reasons.at(-1)).toMatchObject({ code: 'shadow.only', outcome: 'notApplicable' });
});
