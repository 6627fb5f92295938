import type { Reason } from '../../../verdict';
import type { HoldoutLabels } from '../../../evaluation/measure/holdout-labels';
import { count, figure, percent } from '../../../format';
import type { RolloutPolicy } from '../../policy';
import type { QualityEvidence } from '../evidence';
import { mergeLabels, type LabelSums } from './label-sums';

/** Cohen's "small" effect, of shares (h) and of means (d). */
const smallEffect = 0.2;

/**
 * Compares the mean of the rollout's labels with that of the holdout. A difference is a warning and
 * holds nothing: seasons move base rates, and both versions have the same ones. But it may also be
 * the mark of labels that come selectively, such as only those of good outcomes. It is judged by its
 * size, because days differ, and a test of independent labels would always be significant.
 */
export function baseRateReasons(
  { quality: { holdoutLabels: holdout, answers }, test }: RolloutPolicy,
  quality: QualityEvidence,
): readonly Reason[] {
  const labels = labelsIn(quality);
  if (holdout === undefined || answers !== undefined || labels === null) return [];
  if (labels.n === 0 || labels.n < test.minSamples) return [];
  const mean = labels.sum / labels.n;
  const isShifted = effectSize(holdout, labels) > smallEffect;
  const text = holdout.kind === 'share' ? percent : figure;
  const found =
    `${holdout.kind === 'share' ? 'share of labels that are 1' : 'mean label'} ` +
    `${text(mean)} in the rollout (${count(labels.n)}), ` +
    `${text(holdout.mean)} in the holdout (${count(holdout.rows)})`;
  return [
    {
      gate: 'labels',
      code: isShifted ? 'labels.baseRateShifted' : 'labels.baseRate',
      message: isShifted ? `warning: ${found}: more than a small difference` : found,
      outcome: 'notApplicable',
      ...(isShifted && {
        details: [
          'not held, because seasons move base rates. Check that labels of all outcomes come',
        ],
      }),
    },
  ];
}

function labelsIn(quality: QualityEvidence): LabelSums | null {
  if (quality.labels === undefined) return null;
  return quality.kind === 'pairs'
    ? quality.labels
    : mergeLabels(quality.labels.champion, quality.labels.challenger);
}

/** J. Cohen, Statistical Power Analysis for the Behavioral Sciences (1988), §6.2 and §2.2. */
function effectSize(holdout: HoldoutLabels, { n, sum, sumSquares }: LabelSums): number {
  const mean = sum / n;
  if (holdout.kind === 'share') return Math.abs(angle(mean) - angle(holdout.mean));
  const variance = Math.max(0, sumSquares / n - mean ** 2);
  const difference = Math.abs(mean - holdout.mean);
  return difference === 0 ? 0 : difference / Math.sqrt(variance);
}

function angle(share: number): number {
  return 2 * Math.asin(Math.sqrt(Math.min(1, Math.max(0, share))));
}
