import { effectiveClusters } from '../../../statistics/cluster-sequence';
import type { ShareState } from '../../../statistics/share-sequence';
import { logEvidenceOfUnequalShares } from '../../../statistics/two-shares';
import type { RolloutPolicy } from '../../policy';
import type { ArmsEvidence } from '../evidence';

/** Due labels of one arm in the current step. */
interface ArmLabelRate {
  readonly due: number;
  readonly missing: number;
  /** Labels that came later than they were due. */
  readonly late: number;
}

export interface LabelRates extends Readonly<Record<'champion' | 'challenger', ArmLabelRate>> {
  /** Shown to differ by more than chance. */
  readonly differ: boolean;
}

/**
 * The part of alpha for a difference that chance alone makes. Such a difference costs a rollout and
 * promotes nothing, so it is not taken from the other statements.
 */
const partOfAlpha = 1 / 5;

/**
 * Compares how many due labels of each arm came in time. A label that is missing and one that came
 * late count alike, because both were missing when they were first looked for: so a request counts
 * once, and the comparison may be repeated at will. Null if it says nothing:
 * - in a bandit, whose shares change with the time of day and so with its labels;
 * - with another rule than `hold`: the worst case covers each missing label, and feedback that is
 *   voluntary depends on the answer;
 * - in evidence of an earlier version, which does not count late labels by arm.
 */
export function compareLabelRates(
  policy: RolloutPolicy,
  { step, unscored, unlabelled, labels }: ArmsEvidence,
): LabelRates | null {
  const { method, steps, quality, test } = policy;
  if (labels === undefined || method === 'bandit' || quality.missingLabels !== 'hold') return null;
  const countLabels = (arm: keyof ArmsEvidence['step']): ArmLabelRate => ({
    due: step[arm].n + unscored[arm] + unlabelled[arm],
    missing: unlabelled[arm],
    late: labels[arm].late,
  });
  const rates = { champion: countLabels('champion'), challenger: countLabels('challenger') };
  const serving = Math.max(1, steps.filter((percent) => percent > 0).length);
  const evidence = logEvidenceOfUnequalShares({
    one: missedIn(rates.challenger),
    other: missedIn(rates.champion),
    requestsPerEntity: Math.max(1, ...(['champion', 'challenger'] as const).map(perEntity)),
  });
  return { ...rates, differ: evidence >= -Math.log((partOfAlpha * test.alpha) / serving) };

  function perEntity(arm: keyof ArmsEvidence['step']): number {
    const entities = effectiveClusters(step[arm]);
    return entities > 0 ? step[arm].n / entities : 1;
  }
}

function missedIn({ due, missing, late }: ArmLabelRate): ShareState {
  return { n: due, events: missing + late };
}
