import { differ, fewestLabels, type Counted } from '../../language/judge/judge';
import {
  emptyMean,
  extendMean,
  type MeanRange,
  type MeanState,
} from '../../statistics/mean-sequence';

/**
 * One answer that a judge gave a verdict on (1 right, 0 wrong) and that a person looked at; null:
 * the person could not tell.
 */
export interface CheckedAnswer {
  readonly said: 0 | 1;
  readonly right: boolean | null;
  /**
   * Empty, or kept back by a policy: known to be wrong, so neither the judge nor a person was
   * asked.
   */
  readonly keptBack?: true;
}

/** Both versions' answers to one question. */
export interface CheckedPair {
  readonly champion: CheckedAnswer;
  readonly challenger: CheckedAnswer;
}

type Version = keyof CheckedPair;

/**
 * Answers of one version with a label of people, by kind; `right` counts the verdicts that agree
 * with the label.
 */
export interface VersionLabels {
  readonly right: Counted;
  readonly wrong: Counted;
}

/**
 * What people said of answers of this rollout that the judge had judged, as far as decisions need
 * it.
 */
export interface JudgeLabels extends Readonly<Record<Version, VersionLabels>> {
  /**
   * Pairs that people looked at, and how many of them have an answer of which they could not tell.
   */
  readonly pairs: number;
  readonly unsure: number;
  /**
   * By how much the judge's difference misses the true one, pair by pair: (verdict − label) of the
   * challenger's answer less that of the champion's.
   */
  readonly errors: MeanState;
}

/** Of `errors`. Most pairs are judged alike rightly, so their mean is guessed to be small. */
export const errorRange: MeanRange = { min: -2, max: 2, guess: { min: -0.1, max: 0.1 } };

export const noLabels: JudgeLabels = {
  champion: { right: { cases: 0, right: 0 }, wrong: { cases: 0, right: 0 } },
  challenger: { right: { cases: 0, right: 0 }, wrong: { cases: 0, right: 0 } },
  pairs: 0,
  unsure: 0,
  errors: emptyMean(),
};

/** All labels of a rollout, in the order in which they came. */
export function foldLabels(checked: readonly CheckedPair[]): JudgeLabels {
  const sure = checked.filter(
    ({ champion, challenger }) => champion.right !== null && challenger.right !== null,
  );
  const errors = sure.map(({ champion, challenger }) => errorIn(challenger) - errorIn(champion));
  const of = (version: Version): VersionLabels => {
    const answers = checked
      .map((pair) => pair[version])
      .filter(({ keptBack }) => keptBack !== true);
    const count = (right: boolean): Counted => {
      const labelled = answers.filter((answer) => answer.right === right);
      return {
        cases: labelled.length,
        right: labelled.filter(({ said }) => (said === 1) === right).length,
      };
    };
    return { right: count(true), wrong: count(false) };
  };
  return {
    ...{ champion: of('champion'), challenger: of('challenger') },
    ...{ pairs: checked.length, unsure: checked.length - sure.length },
    errors: extendMean(emptyMean(), errorRange, errors),
  };
}

function errorIn({ said, right }: CheckedAnswer): number {
  return said - (right === true ? 1 : 0);
}

/** More pairs than this share without a sure label may be just those on which the judge errs. */
const mostUnsure = 0.05;

/**
 * Why the verdicts of the judge may not decide; empty when they may. They may with 100 labels of
 * right and of wrong answers of each version, and where the judge errs alike on both: shares of
 * agreement that differ (A. Agresti and B. Caffo, The American Statistician 54 (2000), at 5 % over
 * both kinds) say that it favours one.
 */
export function whyNotYet(labels: JudgeLabels): readonly string[] {
  const missing = missingLabels(labels);
  if (missing.length > 0) return [`labels of people are missing: ${missing.join(', ')}`];
  if (labels.unsure > mostUnsure * labels.pairs) {
    return [
      `people could not tell whether the answers are right in ${labels.unsure} of ${labels.pairs} labelled pairs, at most 5 % may be so`,
    ];
  }
  return (['right', 'wrong'] as const).flatMap((kind) => {
    const [champion, challenger] = [labels.champion[kind], labels.challenger[kind]];
    if (!differ(champion, challenger)) return [];
    return [
      `it does not err alike on both versions: it agrees with people on ${share(champion)} of the champion's ${kind} answers and ` +
        `on ${share(challenger)} of the challenger's`,
    ];
  });
}

/** Such as `43 right and 88 wrong answers of the champion`. */
function missingLabels(labels: JudgeLabels): readonly string[] {
  return (['champion', 'challenger'] as const).flatMap((version) => {
    const lacking = (['right', 'wrong'] as const).flatMap((kind) => {
      const more = fewestLabels - labels[version][kind].cases;
      return more > 0 ? [`${more} ${kind}`] : [];
    });
    return lacking.length === 0 ? [] : [`${lacking.join(' and ')} answers of the ${version}`];
  });
}

/**
 * Whether more labels could help to decide: false where all judged pairs have been labelled, or are
 * too few for 100 labels of each kind.
 */
export function mayStillBeLabelled(labels: JudgeLabels, judgedPairs: number): boolean {
  return judgedPairs >= 2 * fewestLabels && labels.pairs < judgedPairs;
}

function share({ cases, right }: Counted): string {
  return `${right} of ${cases}`;
}
