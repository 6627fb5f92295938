import { formatSeconds } from '../duration';

/**
 * What happens if labels are due and missing, or came late. They may be the bad ones, and the others
 * then say nothing about quality.
 * - `hold`: no promotion while more than `maxMissing` of the due labels are.
 * - `worstCase`: each missing label counts at its worst for one bound, and at its best for the other
 *   (C. F. Manski, American Economic Review 80 (1990)).
 * - `ignore`: the labels that came decide, and every verdict says so. For requests that have no
 *   label by nature, such as answers without feedback.
 */
export const missingLabelRules = ['hold', 'worstCase', 'ignore'] as const;
export type MissingLabels = (typeof missingLabelRules)[number];

export const defaultMaxMissing = 0.05;

/** The rule of a rollout. Feedback on answers of a language application is voluntary. */
export function readMissingLabels({
  missingLabels,
  answers,
}: {
  readonly missingLabels?: MissingLabels | undefined;
  readonly answers?: unknown;
}): MissingLabels {
  return missingLabels ?? (answers === undefined ? 'hold' : 'ignore');
}

/** A label that came this long after it was due counts as late: a day in a rollout of 28 days. */
export function lateAfterSeconds(maxDurationSeconds: number): number {
  return Math.min(86_400, maxDurationSeconds / 28);
}

export function lateText(maxDurationSeconds: number): string {
  return formatSeconds(Math.round(lateAfterSeconds(maxDurationSeconds)));
}
