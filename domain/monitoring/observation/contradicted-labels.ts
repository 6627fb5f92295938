import { count, percent } from '../../format';
import type { UnknownResult } from './monitor-results';

/** The due labels of the last four weeks of event time. */
export interface ContradictedLabels {
  /** RFC 3339: the start of the four weeks. */
  readonly since: string;
  readonly labels: number;
  /** Those whose prediction got several labels with different values. */
  readonly contradicted: number;
}

export const contradictionDays = 28;
/** Our own choice: below it, the sampling error of a month is usually larger. */
const maxShare = 0.01;

/** That many labels cannot all be right, and the monitor counts one value of each prediction. */
export function unknownLabels({
  since,
  labels,
  contradicted,
}: ContradictedLabels): readonly UnknownResult[] {
  if (contradicted <= maxShare * labels) return [];
  const share = percent(contradicted / Math.max(labels, contradicted));
  return [
    {
      what: 'which labels are right',
      why: `${count(contradicted)} of ${count(labels)} due labels since ${since} (${share}) have contradictory values, of which live quality counts one`,
      until: 'those who send labels agree',
    },
  ];
}
