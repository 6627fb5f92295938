import type { Digest } from '../../artifact';
import { count, figure } from '../../format';
import { normalQuantile } from '../../statistics/distributions';

/** The verdict of one judge version on a case whose answer people have labelled. */
export interface LabelledVerdict {
  readonly label: boolean;
  /** Null without a verdict, as after prose or a refusal. */
  readonly said: boolean | null;
  /** Verdict with the answers in the other order; undefined if the judge sees one answer. */
  readonly saidSwapped?: boolean | null;
}

/**
 * How well one judge version agrees with people. Its digest covers model, prompt and sampling;
 * a judge with another digest needs its own calibration.
 */
export interface JudgeCalibration {
  readonly judge: Digest;
  readonly positives: LabelCount;
  readonly negatives: LabelCount;
  /** Cases without a verdict, among `cases`. */
  readonly failures: number;
  readonly cases: number;
  readonly agreement: number | null;
  /** Cohen's kappa: agreement beyond chance. */
  readonly kappa: number | null;
  /** Cases judged in both orders, and how many verdicts depended on the order. */
  readonly swapped: { readonly cases: number; readonly turned: number };
}

export interface LabelCount {
  readonly cases: number;
  readonly right: number;
}

/**
 * Cohen's kappa: J. Cohen, "A coefficient of agreement for nominal scales", Educational and
 * Psychological Measurement 20 (1960). A case is a failure if it has no verdict or if its verdict
 * depends on the order of the answers.
 */
export function calibrate(judge: Digest, labelled: readonly LabelledVerdict[]): JudgeCalibration {
  const swapped = labelled.filter(
    ({ said, saidSwapped }) => said !== null && saidSwapped !== undefined && saidSwapped !== null,
  );
  const turned = swapped.filter(({ said, saidSwapped }) => said !== saidSwapped);
  const sure = labelled.filter(
    ({ said, saidSwapped }) => said !== null && (saidSwapped === undefined || saidSwapped === said),
  );
  const countLabels = (label: boolean): LabelCount => {
    const of = sure.filter((each) => each.label === label);
    return { cases: of.length, right: of.filter(({ said }) => said === label).length };
  };
  const [positives, negatives] = [countLabels(true), countLabels(false)];
  const n = sure.length;
  const agreement = n === 0 ? null : (positives.right + negatives.right) / n;
  const saidYes = positives.right + negatives.cases - negatives.right;
  const chance =
    n === 0 ? 1 : (saidYes * positives.cases + (n - saidYes) * negatives.cases) / n ** 2;
  return {
    judge,
    positives,
    negatives,
    failures: labelled.length - n,
    cases: labelled.length,
    agreement,
    kappa: agreement === null || chance === 1 ? null : (agreement - chance) / (1 - chance),
    swapped: { cases: swapped.length, turned: turned.length },
  };
}

/** Fewest labels of each kind; with fewer, sensitivity and specificity are too uncertain. */
export const minLabels = 100;
/**
 * Smallest lower 95 % bound of sensitivity + specificity − 1 (W. J. Youden, "Index for rating
 * diagnostic tests", Cancer 3 (1950)). At 0 the judge is no better than chance.
 */
const minYouden = 0.2;
const maxFailures = 0.05;

/** Why the judge may not decide gates, one reason per line; empty if it can. */
export function calibrationProblems(
  calibration: JudgeCalibration | null,
  judge: Digest,
): readonly string[] {
  if (calibration === null) return [`${judge.slice(0, 19)} has no calibration`];
  if (calibration.judge !== judge)
    return [`calibrated is ${calibration.judge.slice(0, 19)}, but it is now ${judge.slice(0, 19)}`];
  const { positives, negatives, failures, cases } = calibration;
  const { lower: youden } = youdenBounds(calibration, 0.95);
  return [
    ...(positives.cases < minLabels
      ? [`${count(positives.cases)} labels of right answers, at least ${minLabels} needed`]
      : []),
    ...(negatives.cases < minLabels
      ? [`${count(negatives.cases)} labels of wrong answers, at least ${minLabels} needed`]
      : []),
    ...(failures > maxFailures * cases
      ? [`no consistent verdict on ${count(failures)} of ${count(cases)} labelled cases`]
      : []),
    ...(youden < minYouden
      ? [
          `lower bound of sensitivity + specificity − 1 is ${figure(youden)}, ` +
            `at least ${minYouden} needed`,
        ]
      : []),
  ];
}

/** Sensitivity + specificity − 1, at most 1. */
export interface YoudenBounds {
  readonly estimate: number;
  readonly lower: number;
  readonly upper: number;
}

/**
 * Each bound is one-sided at `level`. Normal approximation on the counts of A. Agresti and B. A.
 * Coull, The American Statistician 52 (1998), which is accurate for shares near 1.
 */
function youdenBounds(
  { positives, negatives }: Pick<JudgeCalibration, 'positives' | 'negatives'>,
  level: number,
): YoudenBounds {
  const [se, sp] = [smoothShare(positives), smoothShare(negatives)];
  const middle = se.share + sp.share - 1;
  const spread = normalQuantile(level) * Math.sqrt(se.variance + sp.variance);
  return {
    estimate: positives.right / positives.cases + negatives.right / negatives.cases - 1,
    lower: middle - spread,
    upper: Math.min(1, middle + spread),
  };
}

/**
 * Whether two shares differ, at 2.5 %; two kinds of answers are compared, so 5 % over both
 * (A. Agresti and B. Caffo, The American Statistician 54 (2000)).
 */
export function sharesDiffer(one: LabelCount, other: LabelCount): boolean {
  const [a, b] = [smoothShare(one), smoothShare(other)];
  return (
    Math.abs(a.share - b.share) > normalQuantile(1 - 0.025 / 2) * Math.sqrt(a.variance + b.variance)
  );
}

/** Adds one success and one failure. */
function smoothShare({ cases, right }: LabelCount): {
  readonly share: number;
  readonly variance: number;
} {
  const share = (right + 1) / (cases + 2);
  return { share, variance: (share * (1 - share)) / (cases + 2) };
}

export interface CorrectedShare {
  /**
   * W. J. Rogan and B. Gladen, "Estimating prevalence from the results of a screening test",
   * American Journal of Epidemiology 107 (1978); within 0 … 1.
   */
  readonly estimate: number;
  readonly lower: number;
  readonly upper: number;
  readonly level: number;
}

/**
 * The share of right answers, estimated from the share that the judge called right. The bounds
 * cover the uncertainty of the cases and of the calibration, each one-sided at `level`: Z. Lang and
 * J. Reiczigel, "Confidence limits for prevalence of disease adjusted for estimated sensitivity and
 * specificity", Preventive Veterinary Medicine 113 (2014). They hold for one look only; evaluations
 * with several looks must share the error among them. Null if the judge is no better than chance.
 */
export function correctedShare(
  said: { readonly cases: number; readonly right: number },
  { positives, negatives }: Pick<JudgeCalibration, 'positives' | 'negatives'>,
  level: number,
): CorrectedShare | null {
  if (said.cases === 0) return null;
  const z = normalQuantile(level);
  const n = said.cases + z ** 2;
  const p = (said.right + z ** 2 / 2) / n;
  const [se, sp] = [smoothShare(positives), smoothShare(negatives)];
  const youden = se.share + sp.share - 1;
  if (youden <= 0) return null;
  const estimate = (p + sp.share - 1) / youden;
  const shift = 2 * z ** 2 * (estimate * se.variance - (1 - estimate) * sp.variance);
  const spread =
    (z / youden) *
    Math.sqrt((p * (1 - p)) / n + estimate ** 2 * se.variance + (1 - estimate) ** 2 * sp.variance);
  return {
    estimate: roganGladen(said, { positives, negatives }),
    lower: inUnit(estimate + shift - spread),
    upper: inUnit(estimate + shift + spread),
    level,
  };
}

function roganGladen(
  said: LabelCount,
  { positives, negatives }: Pick<JudgeCalibration, 'positives' | 'negatives'>,
): number {
  const [se, sp] = [positives.right / positives.cases, negatives.right / negatives.cases];
  return inUnit((said.right / said.cases + sp - 1) / (se + sp - 1));
}

function inUnit(share: number): number {
  return Math.min(1, Math.max(0, share));
}
