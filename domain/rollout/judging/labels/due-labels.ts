import type { ArmsEvidence, PairsEvidence, QualityEvidence } from '../evidence';

interface DueLabels {
  /** Requests whose label is due, in the phase or step that decides. */
  readonly due: number;
  readonly missing: number;
  /** Labels that came too late; they are not missing any more. */
  readonly late: number;
}

export function countDueLabels(quality: QualityEvidence): DueLabels {
  return quality.kind === 'pairs' ? countInPairs(quality) : countInArms(quality);
}

function countInPairs({
  unlabelled: missing,
  overdue,
  unscored,
  ...rest
}: PairsEvidence): DueLabels {
  return { due: rest[rest.phase].n + unscored + missing, missing, late: overdue };
}

/** Counts of the current step. */
function countInArms({ step: { champion, challenger }, ...rest }: ArmsEvidence): DueLabels {
  const { unscored, unlabelled, overdue } = rest;
  const missing = unlabelled.champion + unlabelled.challenger;
  const labelled = champion.n + challenger.n + unscored.champion + unscored.challenger;
  return { due: labelled + missing, missing, late: overdue };
}
