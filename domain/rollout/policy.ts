import { daysOfWeek } from '../calendar';
import type { DayCorrelation } from '../statistics/day-history';
import type { LabelSpec } from '../dataset/label';
import type { CanarySpec } from './canary';
import { defaultMaxMissing, readMissingLabels, type MissingLabels } from './missing-labels';

/**
 * The rules of one rollout, stored under the digest of their canonical JSON before any decision.
 */
export interface RolloutPolicy {
  readonly kind: 'rollout';
  /** Increases when a rule changes, so that new rules never explain an old decision. */
  readonly version: 2;
  /** Absent: a canary. */
  readonly method?: CanarySpec['method'];
  readonly requireShadow?: CanarySpec['requireShadow'];
  /** A/B only: the number of challengers, which share alpha with the test of the shares. */
  readonly challengers?: number;
  /** Percent of entities, rising; 0 is shadow. Of a bandit: only the share at its start. */
  readonly steps: CanarySpec['steps'];
  /** Bandit only: the limits of the challenger's share, in percent of entities. */
  readonly shares?: { readonly least: number; readonly greatest: number };
  readonly quality: CanarySpec['quality'] & {
    /**
     * `pairs`: both versions score each request. It requires labels that do not depend on the
     * returned answer. `arms`: only the version that answered scores a request, and the means of
     * the arms are compared.
     */
    readonly comparison: 'pairs' | 'arms';
    /** Whether a promotion needs quality across days. False if `minDuration` is below a week. */
    readonly acrossDays: boolean;
    readonly missingLabels: MissingLabels;
    readonly maxMissing: number;
  };
  readonly guardrails: CanarySpec['guardrails'];
  readonly test: CanarySpec['test'];
  /** IANA time zone that defines the days. */
  readonly timezone: string;
  readonly maxDurationSeconds: number;
  readonly onInconclusive: CanarySpec['onInconclusive'];
}

/** A week: shorter rollouts do not test quality across days. */
export const minSecondsAcrossDays = daysOfWeek * 86_400;

export function holdsAcrossDays({
  minDurationSeconds,
}: Pick<CanarySpec['test'], 'minDurationSeconds'>): boolean {
  return minDurationSeconds >= minSecondsAcrossDays;
}

/**
 * The default of `largeHarm`, in margins. If daily differences have a standard deviation of almost
 * two margins, one day in three hundred exceeds it (docs/statistics.md).
 */
export const largeHarmMargins = 4;

/** The correlation of days in the bounds: from the history when the rollout opened, or assumed. */
export function dayCorrelationIn({ test }: Pick<RolloutPolicy, 'test'>): DayCorrelation {
  return test.daysCorrelate ?? { value: test.dayCorrelation, from: null };
}

/** The rules of a canary. A `minDuration` below a week turns the test across days off. */
export function buildRolloutPolicy(
  canary: CanarySpec,
  label: Pick<LabelSpec, 'dependsOnPrediction'>,
): RolloutPolicy {
  const { method, requireShadow } = canary;
  const { steps, quality, guardrails, test, timezone, maxDurationSeconds, onInconclusive } = canary;
  return {
    kind: 'rollout',
    version: 2,
    ...(method !== undefined && { method }),
    ...(requireShadow !== undefined && { requireShadow }),
    ...(method === 'ab' && { challengers: 1 + (canary.against ?? []).length }),
    ...(method === 'bandit' ? banditShares(steps) : { steps }),
    quality: {
      ...quality,
      // The challengers of an A/B rollout score only the requests of their own entities.
      comparison: label.dependsOnPrediction || method === 'ab' ? 'arms' : 'pairs',
      acrossDays: holdsAcrossDays(test),
      missingLabels: readMissingLabels(quality),
      maxMissing: quality.maxMissing ?? defaultMaxMissing,
    },
    guardrails,
    test,
    timezone,
    maxDurationSeconds,
    onInconclusive,
  };
}

/** The evidence of a bandit is that of one step, because pairs do not depend on the share. */
function banditShares([least = 5, greatest = 95]: CanarySpec['steps']) {
  return { steps: [least], shares: { least, greatest } };
}

/** Whether the challenger answers requests in this step. */
export function isServing({ steps }: Pick<RolloutPolicy, 'steps'>, step: number): boolean {
  return (steps[step] ?? 0) > 0;
}

/** Whether a blue/green rollout has moved all traffic to the challenger. */
export function isSwitched(
  { method, steps }: Pick<RolloutPolicy, 'method' | 'steps'>,
  step: number,
): boolean {
  return method === 'blueGreen' && isServing({ steps }, step);
}

/**
 * Whether a blue/green rollout switches after this step without evidence, as soon as every gateway
 * has loaded the challenger.
 */
export function isWarmUp(
  { method, steps, requireShadow }: Pick<RolloutPolicy, 'method' | 'steps' | 'requireShadow'>,
  step: number,
): boolean {
  return method === 'blueGreen' && requireShadow === false && !isServing({ steps }, step);
}

export interface AlphaBudget {
  /**
   * For each of "harmful" and "good enough" about the traffic of one sequence: the shadow, or all
   * serving steps.
   */
  readonly qualityPerSide: number;
  /**
   * For the traffic of one serving step alone: "harmful" about each step, "good enough" about the
   * last one.
   */
  readonly perStep: { readonly harm: number; readonly shown: number };
  /** Alpha of each bound of the judge's error; 0 without a judge. */
  readonly calibration: number;
  /** Alpha of the statements across days. */
  readonly acrossDays: { readonly shown: number; readonly harm: number };
  /** Alpha of one guardrail in one step. */
  readonly perGuardrail: number;
  /** Alpha of the sample-ratio test of one step; 0 if the policy has none. */
  readonly perShares: number;
}

/**
 * Splits `alpha`, the probability that any statement about the traffic is ever wrong (Bonferroni):
 * - over quality, the guardrails and with arms the sample-ratio test;
 * - a guardrail's part and that of the sample-ratio test over the steps, which count separately;
 * - quality's part over its two sides, because traffic may be good today and bad tomorrow;
 * - each side over its sequences: shadow (pairs only), serving, and the serving steps, which share
 *   one part. Only the last step must be "good enough", so it has that part alone;
 * - half of each side to the error of a judge, which all statements have in common.
 *
 * Across days, "good enough" has all of `alpha`, because the mean of one phase stays on one side of
 * the limit. "Harmful" has half of it, shared by shadow and serving. The other half is for single
 * days of `largeHarm`.
 */
export function alphaBudget(policy: RolloutPolicy): AlphaBudget {
  const { test, guardrails, steps, quality } = policy;
  const testsShares = hasSharesTest(policy);
  const perMetric = test.alpha / (1 + guardrails.length + Number(testsShares));
  const perSide = perMetric / 2;
  const calibration = quality.answers?.judge === undefined ? 0 : perSide / 2;
  const serving = Math.max(1, steps.filter((percent) => percent > 0).length);
  const ofSequences = perSide - calibration;
  const qualityPerSide = ofSequences / countSequences(policy);
  return {
    qualityPerSide,
    perStep: { harm: qualityPerSide / serving, shown: qualityPerSide },
    calibration,
    acrossDays: {
      shown: test.alpha - calibration,
      harm: (test.alpha - calibration) / 2 / (hasBothPhases(policy) ? 2 : 1),
    },
    perGuardrail: perMetric / steps.length,
    perShares: testsShares ? perMetric / serving : 0,
  };
}

/** An A/B rollout has a test of its own, which shares alpha with its challengers. */
function hasSharesTest({ method, quality }: RolloutPolicy): boolean {
  return quality.comparison === 'arms' && method !== 'ab' && method !== 'blueGreen';
}

function countSequences({ steps, quality }: RolloutPolicy): number {
  const serving = steps.filter((percent) => percent > 0).length;
  const hasShadow = serving < steps.length && quality.comparison === 'pairs';
  return Number(hasShadow) + Number(serving > 0) + Number(hasOwnSteps({ steps }));
}

function hasBothPhases({ steps, quality }: RolloutPolicy): boolean {
  return (
    quality.comparison === 'pairs' &&
    steps.some((percent) => percent === 0) &&
    steps.some((percent) => percent > 0)
  );
}

/** Whether this step must also show quality on its own traffic: the last of several. */
export function isLastOfSteps({ steps }: Pick<RolloutPolicy, 'steps'>, step: number): boolean {
  return step === steps.length - 1 && hasOwnSteps({ steps });
}

/** A single serving step has the same pairs as all serving, so it needs no sequence of its own. */
export function hasOwnSteps({ steps }: Pick<RolloutPolicy, 'steps'>): boolean {
  return steps.filter((percent) => percent > 0).length > 1;
}
