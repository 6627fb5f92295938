/**
 * A canary of two versions that were tried beside each other before is another look at one
 * question: the looks share its alpha.
 */
import { canonicalJson } from '../../canonical';
import { alphaShare } from '../../decision/gates/attempts';
import type { CanarySpec } from '../../lifecycle/lifecycle';
import type { Verdict } from '../../decision/verdict';

/** As the platform puts it into the spec of a rollout, before anything is opened. */
interface CountedTest {
  /** Of this pair of versions, under any policy; from 1. */
  readonly attempt: number;
  /** As the lifecycle says; `alpha` is this attempt's share of it. */
  readonly statedAlpha: number;
}

/**
 * The canary with the share of alpha that its n-th attempt may spend. The shares of all attempts
 * add up to the stated alpha at most, so by the union bound a pair that is tried again until it
 * passes, under the same or other policies, is wrongly promoted with probability alpha at most.
 */
export function canaryAtAttempt(
  canary: CanarySpec,
  attempt: number,
): CanarySpec & { readonly test: CountedTest } {
  const { alpha } = canary.test;
  return {
    ...canary,
    test: {
      ...canary.test,
      alpha: Number((alpha * alphaShare(attempt)).toPrecision(12)),
      statedAlpha: alpha,
      attempt,
    },
  };
}

/** Of a rollout that was opened: `canaryAtAttempt` counted it. */
export function attemptOf({ test }: Pick<CanarySpec, 'test'>): number {
  return (test as CanarySpec['test'] & CountedTest).attempt;
}

/**
 * Whether two rollouts ask the same: by their policies as the lifecycle says them, whatever attempt
 * they are and however their judge was calibrated.
 */
export function askTheSame(one: CanarySpec, other: CanarySpec): boolean {
  return canonicalJson(stated(one)) === canonicalJson(stated(other));
}

function stated(canary: CanarySpec): unknown {
  const {
    attempt: _,
    statedAlpha,
    ...test
  } = canary.test as CanarySpec['test'] & Partial<CountedTest>;
  const { answers } = canary.quality;
  const { calibrated: _calibrated, ...judge } = answers?.judge ?? {};
  const quality = answers?.judge
    ? { ...canary.quality, answers: { ...answers, judge } }
    : canary.quality;
  return JSON.parse(
    JSON.stringify({ ...canary, quality, test: { ...test, alpha: statedAlpha ?? test.alpha } }),
  );
}

/** A guardrail may have met a bad hour; quality that was refuted stays refuted. */
export function showsHarm({ kind, reasons }: Verdict): boolean {
  return (
    kind === 'failed' &&
    reasons.some(({ code, outcome }) => outcome === 'failed' && !code.startsWith('guardrail.'))
  );
}
