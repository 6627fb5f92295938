/** Repeated canaries of the same two versions test one hypothesis, so they share one alpha. */
import { canonicalJson } from '../../canonical';
import { alphaShare } from '../../evaluation/attempts';
import type { CanarySpec } from '../canary';
import type { Verdict } from '../../verdict';

/** What the platform adds to the spec of a rollout before it opens. */
interface CountedTest {
  /** Number of the attempt for this pair of versions, under any policy; from 1. */
  readonly attempt: number;
  /** `alpha` of the lifecycle. The attempt's own `alpha` is its share of it. */
  readonly statedAlpha: number;
}

/**
 * The canary with the share of alpha of its n-th attempt. The shares add up to at most the stated
 * alpha. By the union bound, a pair that is tried until it passes is wrongly promoted with at most
 * that probability.
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

/** The attempt of an opened rollout, as `canaryAtAttempt` stored it. */
export function readAttempt({ test }: Pick<CanarySpec, 'test'>): number {
  return (test as CanarySpec['test'] & CountedTest).attempt;
}

/**
 * Whether two rollouts have the same policy, apart from the attempt, the judge's
 * calibration, the correlation of days and the labels of the holdout.
 */
export function haveSamePolicy(one: CanarySpec, other: CanarySpec): boolean {
  return canonicalJson(toStated(one)) === canonicalJson(toStated(other));
}

function toStated(canary: CanarySpec): unknown {
  const {
    attempt: _,
    statedAlpha,
    daysCorrelate: _correlate,
    ...test
  } = canary.test as CanarySpec['test'] & Partial<CountedTest>;
  const { holdoutLabels: _holdout, ...stable } = canary.quality;
  const { answers } = stable;
  const { calibrated: _calibrated, ...judge } = answers?.judge ?? {};
  const quality = answers?.judge ? { ...stable, answers: { ...answers, judge } } : stable;
  return JSON.parse(
    JSON.stringify({ ...canary, quality, test: { ...test, alpha: statedAlpha ?? test.alpha } }),
  );
}

/**
 * Whether quality was refuted. An exceeded guardrail may have been a bad hour, so it is left out.
 */
export function showsHarm({ kind, reasons }: Verdict): boolean {
  return (
    kind === 'failed' &&
    reasons.some(({ code, outcome }) => outcome === 'failed' && !code.startsWith('guardrail.'))
  );
}
