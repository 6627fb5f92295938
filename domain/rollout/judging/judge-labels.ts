import { percent } from '../../format';
import { sharesDiffer, minLabels, type LabelCount } from '../../language/judge/calibration';
import {
  emptyMean,
  extendMean,
  type MeanRange,
  type MeanState,
} from '../../statistics/mean-sequence';

/** One answer with a verdict of the judge and a label of a person. */
export interface LabelledJudgement {
  /** The verdict: 1 right, 0 wrong. */
  readonly said: 0 | 1;
  /** The label; null: undecided. */
  readonly right: boolean | null;
  /** Empty or blocked: counted as wrong without a verdict or a label. */
  readonly keptBack?: true;
}

/** Both versions' answers to one question. */
export interface LabelledVerdictPair {
  readonly champion: LabelledJudgement;
  readonly challenger: LabelledJudgement;
}

type Version = keyof LabelledVerdictPair;

/** Labelled answers of one version by kind; `right` counts the verdicts that agree. */
export interface VersionLabels {
  readonly right: LabelCount;
  readonly wrong: LabelCount;
}

/** The labels of a rollout's judged answers, as sums that decisions need. */
export interface JudgeLabels extends Readonly<Record<Version, VersionLabels>> {
  /** Labelled pairs. */
  readonly pairs: number;
  /** Labelled pairs with an undecided label. */
  readonly unsure: number;
  /**
   * The judge's error in the difference, per pair: (verdict − label) of the challenger's answer
   * minus that of the champion's.
   */
  readonly errors: MeanState;
}

/** Range of `errors`. Most pairs have no error, so the mean is guessed to be small. */
export const errorRange: MeanRange = { min: -2, max: 2, guess: { min: -0.1, max: 0.1 } };

export const noLabels: JudgeLabels = {
  champion: { right: { cases: 0, right: 0 }, wrong: { cases: 0, right: 0 } },
  challenger: { right: { cases: 0, right: 0 }, wrong: { cases: 0, right: 0 } },
  pairs: 0,
  unsure: 0,
  errors: emptyMean(),
};

/** Sums up all labels of a rollout, in order of arrival. */
export function summarizeLabels(checked: readonly LabelledVerdictPair[]): JudgeLabels {
  const sure = checked.filter(
    ({ champion, challenger }) => champion.right !== null && challenger.right !== null,
  );
  const errors = sure.map(({ champion, challenger }) => errorIn(challenger) - errorIn(champion));
  const of = (version: Version): VersionLabels => {
    const answers = checked
      .map((pair) => pair[version])
      .filter(({ keptBack }) => keptBack !== true);
    const count = (right: boolean): LabelCount => {
      const labelled = answers.filter((answer) => answer.right === right);
      return {
        cases: labelled.length,
        right: labelled.filter(({ said }) => (said === 1) === right).length,
      };
    };
    return { right: count(true), wrong: count(false) };
  };
  return {
    champion: of('champion'),
    challenger: of('challenger'),
    pairs: checked.length,
    unsure: checked.length - sure.length,
    errors: extendMean(emptyMean(), errorRange, errors),
  };
}

function errorIn({ said, right }: LabelledJudgement): number {
  return said - (right === true ? 1 : 0);
}

/** Largest share of undecided labels: these pairs may be the ones on which the judge errs. */
const maxUnsure = 0.05;

/**
 * Why the verdicts of the judge may not decide; empty when they may. They need 100 labels of right
 * and of wrong answers of each version, and equal error rates on both versions. Rates are compared
 * as by A. Agresti and B. Caffo, The American Statistician 54 (2000), at 5 % over both kinds.
 */
export function judgeObstacles(labels: JudgeLabels): readonly string[] {
  const missing = missingLabels(labels);
  if (missing.length > 0) return [`missing labels: ${missing.join('; ')}`];
  const { unsure, pairs } = labels;
  if (unsure > maxUnsure * pairs)
    return [
      `${unsure} of ${pairs} labelled pairs are "unsure" (${percent(unsure / pairs)}); the limit is 5 %`,
    ];
  return (['right', 'wrong'] as const).flatMap((kind) => {
    const [champion, challenger] = [labels.champion[kind], labels.challenger[kind]];
    if (!sharesDiffer(champion, challenger)) return [];
    const agreed = `champion ${share(champion)}, challenger ${share(challenger)}`;
    return [`agreement on ${kind} answers differs: ${agreed}`];
  });
}

/** Such as `champion 43 right, 88 wrong`. */
function missingLabels(labels: JudgeLabels): readonly string[] {
  return (['champion', 'challenger'] as const).flatMap((version) => {
    const lacking = (['right', 'wrong'] as const).flatMap((kind) => {
      const more = minLabels - labels[version][kind].cases;
      return more > 0 ? [`${more} ${kind}`] : [];
    });
    return lacking.length === 0 ? [] : [`${version} ${lacking.join(', ')}`];
  });
}

/** False if all judged pairs are labelled, or if they are too few for 100 labels of each kind. */
export function canAddLabels(labels: JudgeLabels, judgedPairs: number): boolean {
  return judgedPairs >= 2 * minLabels && labels.pairs < judgedPairs;
}

function share({ cases, right }: LabelCount): string {
  return `${right} of ${cases}`;
}
