import type { DocumentPath } from '../../document/path';
import { durationProblems } from '../../lifecycle/release-checks';
import { judgedUnlessSaid } from './canary';
import { fewestLabels } from '../judge/judge';
import type { WrittenLlmCanary } from './canary.schema';

export interface CanaryProblem {
  /** Below `spec.canary`. */
  readonly path: DocumentPath;
  readonly detail: string;
  readonly expected: string;
}

/**
 * Half of the pairs are for the shadow where serving follows it, and each phase needs enough for
 * its minimum and for the labels that correct the judge.
 */
function fewestJudgedPairs({
  steps,
  minSamples,
}: {
  readonly steps: readonly number[];
  readonly minSamples: number;
}): number {
  const ofOnePhase = Math.max(minSamples, 2 * fewestLabels);
  const hasBothPhases = steps.includes(0) && steps.some((percent) => percent > 0);
  return hasBothPhases ? 2 * ofOnePhase : ofOnePhase;
}

/** What parts of a canary say together that cannot be. */
export function llmCanaryProblems({
  steps,
  quality,
  guardrails,
  test,
  maxDuration,
}: WrittenLlmCanary): readonly CanaryProblem[] {
  const { from, measure, labels, rule, margin, judge } = quality;
  const { mostPairs = judgedUnlessSaid.mostPairs } = quality;
  const fewestPairs = fewestJudgedPairs({ steps, minSamples: test.minSamples });
  const ofAJudge = (['share', 'mostPairs'] as const).filter((key) => quality[key] !== undefined);
  const problems: (CanaryProblem | false)[] = [
    steps.some((step, index) => index > 0 && step <= (steps[index - 1] ?? 0)) && {
      path: ['steps'],
      detail: 'the steps do not rise',
      expected: 'such as [0, 5, 25, 50]',
    },
    from === 'callers' &&
      steps.every((step) => step === 0) && {
        path: ['steps'],
        detail: 'nobody is answered by the challenger, so that no caller can say anything of it',
        expected: 'a step above 0, or quality.from: references',
      },
    from === 'judge' &&
      judge === undefined && {
        path: ['quality', 'judge'],
        detail: 'quality is from a judge, and nothing says which',
        expected: 'judge: <a dimension of spec.evaluate of kind judge>',
      },
    from !== 'judge' &&
      judge !== undefined && {
        path: ['quality', 'judge'],
        detail: `quality is from ${from}, and a judge is named`,
        expected: 'from: judge, or no judge',
      },
    ...ofAJudge.map(
      (key) =>
        from !== 'judge' && {
          path: ['quality', key],
          detail: `${key} says what a judge is asked, and quality is from ${from}`,
          expected: `from: judge, or no ${key}`,
        },
    ),
    from === 'judge' &&
      measure !== undefined && {
        path: ['quality', 'measure'],
        detail: 'a judge compares an answer with no right one, by no measure',
        expected: 'no measure',
      },
    from === 'judge' &&
      mostPairs < fewestPairs && {
        path: ['quality', 'mostPairs'],
        detail: `at most ${mostPairs} pairs are judged, and ${fewestPairs} are needed: the judge could never decide`,
        expected: `${fewestPairs} or more`,
      },
    measure === 'label' &&
      labels === undefined && {
        path: ['quality'],
        detail: 'the measure label needs all labels there are',
        expected: 'labels: [<label>, …]',
      },
    measure !== 'label' &&
      labels !== undefined && {
        path: ['quality', 'labels'],
        detail: `labels are for the measure label, not for ${measure ?? (from === 'judge' ? 'a judge' : 'f1')}`,
        expected: 'no labels',
      },
    rule === 'nonInferiority' &&
      margin === 0 && {
        path: ['quality', 'margin'],
        detail: 'the margin is 0, and nothing can be shown to be not worse by nothing',
        expected: 'a margin above 0, or rule: superiority',
      },
    ...durationProblems({ steps, quality, test, maxDuration }).map(
      ({ where, detail, expected }) => ({
        path: where,
        detail: `${where.join('.')} ${detail}`,
        expected,
      }),
    ),
    ...guardrails.map(({ name }, index): CanaryProblem | false => {
      const isSecond = guardrails.findIndex((each) => each.name === name) < index;
      return (
        isSecond && {
          path: ['guardrails', index, 'name'],
          detail: `${name} is there twice`,
          expected: 'each guardrail once',
        }
      );
    }),
  ];
  return problems.filter((problem) => problem !== false);
}
