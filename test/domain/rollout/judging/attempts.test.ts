import fc from 'fast-check';
import type { CanarySpec } from '../../../../domain/rollout/canary';
import {
  haveSamePolicy,
  readAttempt,
  canaryAtAttempt,
  showsHarm,
} from '../../../../domain/rollout/judging/attempts';
import { decideRollout } from '../../../../domain/rollout/judging/decide-rollout';
import { observe, startEvidence } from '../../../../domain/rollout/judging/observe';
import { buildRolloutPolicy } from '../../../../domain/rollout/policy';
import type { Random } from '../../../../domain/statistics/random';
import type { Reason } from '../../../../domain/verdict';
import { rateIn } from '../../../support/rollout/monte-carlo';
import { promotesWithin } from '../../../support/rollout/reruns';
import { shownCanary } from '../../../support/rollout/policies';
import { gauss, createRandom } from '../../../support/rollout/simulated-traffic';

const harm = (code: string): Reason => ({ gate: 'quality', code, message: '', outcome: 'failed' });

describe('canaries of the same two versions', () => {
  test('spend at most the stated alpha in total, whatever their number and policies', () => {
    const alphas = fc.array(fc.double({ min: 0.001, max: 0.2, noNaN: true }), {
      minLength: 1,
      maxLength: 200,
    });
    fc.assert(
      fc.property(alphas, (stated) => {
        const spent = stated.map(
          (alpha, before) =>
            canaryAtAttempt({ ...shownCanary, test: { ...shownCanary.test, alpha } }, before + 1)
              .test.alpha,
        );
        expect(spent.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(
          Math.max(...stated) * (1 + 1e-9),
        );
      }),
    );
  });

  test('store their attempt and the stated alpha', () => {
    const third = canaryAtAttempt(shownCanary, 3);
    expect(readAttempt(third)).toBe(3);
    expect(third.test).toMatchObject({ alpha: 0.001, statedAlpha: 0.03 });
    expect(buildRolloutPolicy(third, { dependsOnPrediction: false }).test.alpha).toBe(0.001);
  });

  test('have the same policy if the lifecycle is the same, whatever the attempt', () => {
    expect(haveSamePolicy(canaryAtAttempt(shownCanary, 1), canaryAtAttempt(shownCanary, 4))).toBe(
      true,
    );
    expect(haveSamePolicy(canaryAtAttempt(shownCanary, 1), shownCanary)).toBe(true);
    const daysCorrelate = { value: 0.6, from: null };
    const later = { ...shownCanary, test: { ...shownCanary.test, daysCorrelate } };
    expect(haveSamePolicy(later, shownCanary)).toBe(true);
    const holdoutLabels = { kind: 'share', mean: 0.2, rows: 500 } as const;
    const measured = { ...shownCanary, quality: { ...shownCanary.quality, holdoutLabels } };
    expect(haveSamePolicy(measured, shownCanary)).toBe(true);
    expect(haveSamePolicy(canaryAtAttempt({ ...shownCanary, steps: [0] }, 1), shownCanary)).toBe(
      false,
    );
  });

  test('show harm if quality was refuted, not if a guardrail was exceeded', () => {
    expect(showsHarm({ kind: 'failed', reasons: [harm('quality.refuted')] })).toBe(true);
    expect(showsHarm({ kind: 'failed', reasons: [harm('guardrail.exceeded')] })).toBe(false);
    expect(showsHarm({ kind: 'inconclusive', reasons: [] })).toBe(false);
  });

  test('promote a challenger at the margin within alpha over ten attempts, unlike without shares', () => {
    const canary: CanarySpec = {
      ...shownCanary,
      steps: [0],
      guardrails: [],
      test: { ...shownCanary.test, alpha: 0.2 },
    };
    const promotes = (world: number) => (tried: CanarySpec, attempt: number) =>
      promotesAtTheEdge(tried, createRandom(world, 700 + attempt));
    const shared = rateIn(12, (world) => promotesWithin(10, canary, promotes(world)));
    const whole = rateIn(12, (world) =>
      promotesWithin(10, canary, (_, attempt) => promotes(world)(canary, attempt)),
    );
    expect(shared.rate).toBeLessThanOrEqual(0.2);
    expect(whole.rate).toBeGreaterThan(0.2);
  });
});

/**
 * Two weeks of days with standard deviation 0.04, worse by exactly the margin on average, so every
 * promotion is wrong.
 */
function promotesAtTheEdge(canary: CanarySpec, random: Random): boolean {
  const policy = buildRolloutPolicy(canary, { dependsOnPrediction: false });
  const startedMs = Date.parse('2013-08-01T00:00:00Z');
  let evidence = startEvidence(policy, {
    champion: 'm@1',
    challenger: 'm@2',
    at: new Date(startedMs).toISOString(),
  });
  for (let day = 0; day < 14; day += 1) {
    const fromMs = startedMs + day * 86_400_000;
    const worse = canary.quality.margin + 0.04 * gauss(random);
    const pair = {
      eventTimeMs: fromMs,
      label: 1,
      champion: Math.exp(-3.5),
      challenger: Math.exp(-3.5 - worse),
    };
    const seen = { pairs: Array.from({ length: 120 }, () => pair), answers: [], requests: [] };
    evidence = observe(policy, evidence, {
      ...seen,
      asOf: new Date(fromMs + 86_400_000).toISOString(),
    });
    const { kind } = decideRollout(policy, { ...evidence, requestsInStep: 1_000 });
    if (kind === 'promote') return true;
    if (kind !== 'continue') return false;
  }
  return false;
}
