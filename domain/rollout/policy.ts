import { daysOfWeek } from '../calendar';
import type { CanarySpec, DataSpec } from '../lifecycle/lifecycle';
import { assumedDayCorrelation } from '../statistics/day-correlation';

/**
 * The rules in force for one rollout; stored under the digest of its canonical JSON before anything
 * is decided by it.
 */
export interface RolloutPolicy {
  readonly kind: 'rollout';
  /**
   * Grows when the meaning of a rule changes, so that an old decision is never explained by new
   * rules. 2: see `RolloutEvidence`.
   */
  readonly version: 2;
  /** Percent of entities, rising; 0 is shadow. */
  readonly steps: CanarySpec['steps'];
  readonly quality: CanarySpec['quality'] & {
    /**
     * `pairs`: both versions score the same request, and its label says which was closer. Only
     * where the label does not depend on the answer that was served. `arms`: each request is scored
     * by the version that answered it; the arms' means are laid beside each other.
     */
    readonly comparison: 'pairs' | 'arms';
    /**
     * Whether a promotion needs quality across days as well as on the traffic that was seen. False
     * where `minDuration` is shorter than a week.
     */
    readonly acrossDays: boolean;
    /**
     * While people are answered and days are asked about: the difference from which traffic alone,
     * be it of one bad day, ends the rollout.
     */
    readonly largeHarm: number;
  };
  readonly guardrails: CanarySpec['guardrails'];
  readonly test: CanarySpec['test'] & { readonly dayCorrelation: number };
  /** IANA; in its days weeks are counted. */
  readonly timezone: string;
  readonly maxDurationSeconds: number;
  readonly onInconclusive: CanarySpec['onInconclusive'];
}

/** A week: shorter rollouts do not ask how days to come will be. */
export const leastSecondsAcrossDays = daysOfWeek * 86_400;

export function holdsAcrossDays({
  minDurationSeconds,
}: Pick<CanarySpec['test'], 'minDurationSeconds'>): boolean {
  return minDurationSeconds >= leastSecondsAcrossDays;
}

/**
 * In margins, where a canary names no `largeHarm`. Single days whose differences spread by almost
 * two margins reach it in one of three hundred; see docs/statistics.md.
 */
export const largeHarmMargins = 4;

/**
 * A rollout that may end before there is a week to compare is judged on its traffic alone: whoever
 * writes such a `minDuration` says that days do not differ.
 */
export function rolloutPolicyOf(
  canary: CanarySpec,
  label: Pick<DataSpec['label'], 'dependsOnPrediction'>,
): RolloutPolicy {
  const {
    steps,
    quality,
    guardrails,
    test,
    timezone = 'UTC',
    maxDurationSeconds,
    onInconclusive,
  } = canary;
  return {
    kind: 'rollout',
    version: 2,
    steps,
    quality: {
      ...quality,
      comparison: label.dependsOnPrediction ? 'arms' : 'pairs',
      acrossDays: holdsAcrossDays(test),
      largeHarm: quality.largeHarm ?? largeHarmMargins * quality.margin,
    },
    guardrails,
    test: { ...test, dayCorrelation: test.dayCorrelation ?? assumedDayCorrelation },
    timezone,
    maxDurationSeconds,
    onInconclusive,
  };
}

/** Whether people are answered by the challenger in this step. */
export function isServing({ steps }: Pick<RolloutPolicy, 'steps'>, step: number): boolean {
  return (steps[step] ?? 0) > 0;
}

export interface AlphaBudget {
  /**
   * Of each statement, "harmful" and "good enough", about the traffic of one sequence: the
   * shadow's, or that of all serving steps; of arms, of one step.
   */
  readonly qualityPerSide: number;
  /** Of "harmful" about the pairs of one serving step. */
  readonly perStep: number;
  /** Of either bound of what is known of the judge; 0 where none scores the answers. */
  readonly calibration: number;
  /** Of the statements about days to come. */
  readonly acrossDays: { readonly shown: number; readonly harm: number };
  /** Of one guardrail in one step. */
  readonly perGuardrail: number;
}

/**
 * `alpha` bounds the chance that anything which this rollout ever says of its traffic is wrong, so
 * it is split once over quality and guardrails (Bonferroni); quality's part over its two sides, as
 * traffic may be good today and bad tomorrow; each side over its sequences: shadow, serving, and
 * the serving steps, which share one part where there are several of them; a guardrail's part over
 * the steps, as each step counts anew. A promotion rests on the days of one phase, whose mean is on
 * one side of the limit for good, so "good enough" has `alpha` to itself; harm across days may be
 * said in shadow or while serving (of arms, in each step), which share one half of it and leave the
 * other to single days of `largeHarm`. Behind a judge a statement is also wrong where the
 * calibration is, which is one for all of them and has half of each side.
 */
export function alphaBudget(policy: RolloutPolicy): AlphaBudget {
  const { test, guardrails, steps, quality } = policy;
  const perMetric = test.alpha / (1 + guardrails.length);
  const perSide = perMetric / 2;
  const calibration = quality.answers?.judge === undefined ? 0 : perSide / 2;
  const serving = Math.max(1, steps.filter((percent) => percent > 0).length);
  const ofSequences = perSide - calibration;
  const qualityPerSide =
    quality.comparison === 'arms' ? ofSequences / serving : ofSequences / sequencesOf(policy);
  return {
    qualityPerSide,
    perStep: qualityPerSide / serving,
    calibration,
    acrossDays: {
      shown: test.alpha - calibration,
      harm:
        (test.alpha - calibration) /
        2 /
        (quality.comparison === 'arms' ? serving : hasBothPhases(policy) ? 2 : 1),
    },
    perGuardrail: perMetric / steps.length,
  };
}

function sequencesOf({ steps }: RolloutPolicy): number {
  const serving = steps.filter((percent) => percent > 0).length;
  const hasShadow = serving < steps.length;
  return Number(hasShadow) + Number(serving > 0) + Number(hasOwnSteps({ steps }));
}

function hasBothPhases({ steps }: RolloutPolicy): boolean {
  return steps.some((percent) => percent === 0) && steps.some((percent) => percent > 0);
}

/** One serving step is all that is served: it needs no sequence of its own. */
export function hasOwnSteps({ steps }: Pick<RolloutPolicy, 'steps'>): boolean {
  return steps.filter((percent) => percent > 0).length > 1;
}
