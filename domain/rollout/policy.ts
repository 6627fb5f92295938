import type { CanarySpec, DataSpec } from '../lifecycle';
import { fewestDaysAcross } from '../statistics/days-sequence';

/** The rules in force for one rollout; stored under the digest of its canonical JSON before anything is decided by it. */
export interface RolloutPolicy {
  readonly kind: 'rollout';
  /** Grows when the meaning of a rule changes, so that an old decision is never explained by new rules. */
  readonly version: 1;
  /** Percent of entities, rising; 0 is shadow. */
  readonly steps: CanarySpec['steps'];
  readonly quality: CanarySpec['quality'] & {
    /**
     * `pairs`: both versions score the same request, and its label says which was closer. Only where the label does not depend on the answer that was served.
     * `arms`: each request is scored by the version that answered it; the arms' means are laid beside each other.
     */
    readonly comparison: 'pairs' | 'arms';
    /** Whether quality must be shown across days as well as on the traffic that was seen. */
    readonly acrossDays: boolean;
  };
  readonly guardrails: CanarySpec['guardrails'];
  readonly test: CanarySpec['test'];
  readonly maxDurationSeconds: number;
  readonly onInconclusive: CanarySpec['onInconclusive'];
}

/** Else the day sequence has no bounds by the time that it may end. */
export function holdsAcrossDays({ minDurationSeconds }: Pick<CanarySpec['test'], 'minDurationSeconds'>): boolean {
  return minDurationSeconds >= fewestDaysAcross * 86_400;
}

/** A rollout that may end before there are days to compare is judged on its traffic alone: whoever writes such a `minDuration` says that days do not differ. */
export function rolloutPolicyOf(canary: CanarySpec, label: Pick<DataSpec['label'], 'dependsOnPrediction'>): RolloutPolicy {
  const { steps, quality, guardrails, test, maxDurationSeconds, onInconclusive } = canary;
  return {
    kind: 'rollout',
    version: 1,
    steps,
    quality: {
      ...quality,
      comparison: label.dependsOnPrediction ? 'arms' : 'pairs',
      acrossDays: holdsAcrossDays(test),
    },
    guardrails,
    test,
    maxDurationSeconds,
    onInconclusive,
  };
}

export interface AlphaBudget {
  /** Of each of the two statements about the traffic: "harmful" and "good enough". */
  readonly qualityPerSide: number;
  /** Of either bound of what is known of the judge; 0 where none scores the answers. */
  readonly calibration: number;
  /** Of either statement about days to come. */
  readonly acrossDays: number;
  /** Of one guardrail in one step. */
  readonly perGuardrail: number;
}

/**
 * `alpha` bounds the chance that anything which this rollout ever says of its traffic is wrong, so it is split once over quality and guardrails (Bonferroni);
 * quality's part over its two sides, as traffic may be good today and bad tomorrow; a guardrail's part over the steps, as each step counts anew. The mean
 * over days to come is on one side of the limit for good, so only one of the two statements about it can be wrong, and each has `alpha` to itself. Behind a judge a
 * statement is also wrong where its calibration is, which has half of the statement's part.
 */
export function alphaBudget({ test, guardrails, steps, quality }: RolloutPolicy): AlphaBudget {
  const perMetric = test.alpha / (1 + guardrails.length);
  const perSide = perMetric / 2;
  const calibration = quality.answers?.judge === undefined ? 0 : perSide / 2;
  return {
    qualityPerSide: perSide - calibration,
    calibration,
    acrossDays: test.alpha - calibration,
    perGuardrail: perMetric / steps.length,
  };
}
