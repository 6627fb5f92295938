import { figure } from '../../format';
import type { Digest } from '../../dataset/artifact';
import { normalQuantile } from '../../statistics/distributions';

/**
 * What one judge version said of a case whose answer people have labelled; null where it gave no
 * verdict, as prose or a refusal.
 */
export interface LabelledVerdict {
  readonly label: boolean;
  readonly said: boolean | null;
  /**
   * The same question with the two answers in the other order; undefined for a judge that sees one
   * answer.
   */
  readonly saidSwapped?: boolean | null;
}

/**
 * What is known of one judge version: model, prompt and sampling behind one digest. Another digest
 * is another judge, of which nothing is known.
 */
export interface JudgeCalibration {
  readonly judge: Digest;
  readonly positives: Counted;
  readonly negatives: Counted;
  /** Without a verdict, of all. */
  readonly failures: number;
  readonly cases: number;
  readonly agreement: number | null;
  /** Cohen's kappa: agreement beyond what chance gives. */
  readonly kappa: number | null;
  /** Cases asked in both orders, and how many verdicts turned with the order. */
  readonly swapped: { readonly cases: number; readonly turned: number };
}

export interface Counted {
  readonly cases: number;
  readonly right: number;
}

/**
 * J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological
 * Measurement 20 (1960). A case without a verdict, or whose verdict turns with the order, is a
 * failure.
 */
export function calibrate(judge: Digest, labelled: readonly LabelledVerdict[]): JudgeCalibration {
  const swapped = labelled.filter(
    ({ said, saidSwapped }) => said !== null && saidSwapped !== undefined && saidSwapped !== null,
  );
  const turned = swapped.filter(({ said, saidSwapped }) => said !== saidSwapped);
  const sure = labelled.filter(
    ({ said, saidSwapped }) => said !== null && (saidSwapped === undefined || saidSwapped === said),
  );
  const count = (label: boolean): Counted => {
    const of = sure.filter((each) => each.label === label);
    return { cases: of.length, right: of.filter(({ said }) => said === label).length };
  };
  const [positives, negatives] = [count(true), count(false)];
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

/** Labels of each kind below which sensitivity or specificity is a guess. */
export const fewestLabels = 100;
/**
 * Of sensitivity + specificity − 1 (W. J. Youden, "Index for rating diagnostic tests", Cancer 3
 * (1950)), its lower bound at 95 %: 0 is a judge that tosses a coin.
 */
const leastYouden = 0.2;
const mostFailures = 0.05;

/** Why the judge may not gate; empty when it may. */
export function uncalibrated(
  calibration: JudgeCalibration | null,
  judge: Digest,
): readonly string[] {
  if (calibration === null) return [`the judge ${judge.slice(0, 19)} has no calibration`];
  if (calibration.judge !== judge)
    return [
      `the judge has changed: calibrated was ${calibration.judge.slice(0, 19)}, it is ${judge.slice(0, 19)}`,
    ];
  const { positives, negatives, failures, cases } = calibration;
  const { lower: youden } = youdenBounds(calibration, 0.95);
  return [
    ...(positives.cases < fewestLabels
      ? [`${positives.cases} labels of right answers, ${fewestLabels} are needed`]
      : []),
    ...(negatives.cases < fewestLabels
      ? [`${negatives.cases} labels of wrong answers, ${fewestLabels} are needed`]
      : []),
    ...(failures > mostFailures * cases
      ? [`no sure verdict on ${failures} of ${cases} labelled cases`]
      : []),
    ...(youden < leastYouden
      ? [
          `sensitivity + specificity − 1 may be as low as ${figure(youden)}, ${leastYouden} is needed`,
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
 * Each bound one-sided at `level`: normal approximation on A. Agresti and B. A. Coull's counts (The
 * American Statistician 52 (1998)), which behaves at shares near 1.
 */
function youdenBounds(
  { positives, negatives }: Pick<JudgeCalibration, 'positives' | 'negatives'>,
  level: number,
): YoudenBounds {
  const [se, sp] = [smoothed(positives), smoothed(negatives)];
  const middle = se.share + sp.share - 1;
  const spread = normalQuantile(level) * Math.sqrt(se.variance + sp.variance);
  return {
    estimate: positives.right / positives.cases + negatives.right / negatives.cases - 1,
    lower: middle - spread,
    upper: Math.min(1, middle + spread),
  };
}

/**
 * Whether two shares differ, at 2.5 %: two kinds of answers are compared, so 5 % over both (A.
 * Agresti and B. Caffo, The American Statistician 54 (2000)).
 */
export function differ(one: Counted, other: Counted): boolean {
  const [a, b] = [smoothed(one), smoothed(other)];
  return (
    Math.abs(a.share - b.share) > normalQuantile(1 - 0.025 / 2) * Math.sqrt(a.variance + b.variance)
  );
}

/** A success and a failure more. */
function smoothed({ cases, right }: Counted): {
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
 * The share of right answers behind the share that the judge called right. Bounds carry both
 * uncertainties, of the cases and of the calibration: Z. Lang and J. Reiczigel, "Confidence limits
 * for prevalence of disease adjusted for estimated sensitivity and specificity", Preventive
 * Veterinary Medicine 113 (2014), each one-sided at `level`. They hold for one look: cases that are
 * bought because they are not decided need another method. Null when the judge is no better than a
 * coin.
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
  const [se, sp] = [smoothed(positives), smoothed(negatives)];
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
  said: Counted,
  { positives, negatives }: Pick<JudgeCalibration, 'positives' | 'negatives'>,
): number {
  const [se, sp] = [positives.right / positives.cases, negatives.right / negatives.cases];
  return inUnit((said.right / said.cases + sp - 1) / (se + sp - 1));
}

function inUnit(share: number): number {
  return Math.min(1, Math.max(0, share));
}
