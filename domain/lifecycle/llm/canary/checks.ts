import { largeHarmMargins } from '../../../rollout/policy';
import type { DocumentPath } from '../../../document/path';
import { durationProblems } from '../../release-checks';
import { defaultSteps } from '../../../rollout/method';
import { judgeDefaults } from './canary';
import { minLabels } from '../../../language/judge/calibration';
import type { WrittenLlmCanary } from './canary.schema';

export interface CanaryProblem {
  /** Below `spec.canary`. */
  readonly path: DocumentPath;
  readonly detail: string;
  readonly expected: string;
}

/**
 * A shadow that is followed by serving takes half of the pairs. Each phase needs enough for its
 * minimum and for the labels that correct the judge.
 */
function minJudgedPairs({
  steps,
  minSamples,
}: {
  readonly steps: readonly number[];
  readonly minSamples: number;
}): number {
  const ofOnePhase = Math.max(minSamples, 2 * minLabels);
  const hasBothPhases = steps.includes(0) && steps.some((percent) => percent > 0);
  return hasBothPhases ? 2 * ofOnePhase : ofOnePhase;
}

/** Errors across several parts of a canary. */
export function llmCanaryProblems({
  method = 'canary',
  steps = [...defaultSteps(method)],
  quality,
  guardrails,
  test,
  maxDuration,
}: WrittenLlmCanary): readonly CanaryProblem[] {
  const {
    from,
    measure,
    labels,
    rule,
    margin,
    judge,
    largeHarm = largeHarmMargins * margin,
  } = quality;
  const { mostPairs = judgeDefaults.mostPairs } = quality;
  const minPairs = minJudgedPairs({ steps, minSamples: test.minSamples });
  const ofAJudge = (['share', 'mostPairs'] as const).filter((key) => quality[key] !== undefined);
  const problems: (CanaryProblem | false)[] = [
    steps.some((step, index) => index > 0 && step <= (steps[index - 1] ?? 0)) && {
      path: ['steps'],
      detail: 'the steps must increase',
      expected: 'such as [0, 5, 25, 50]',
    },
    from === 'callers' &&
      steps.every((step) => step === 0) && {
        path: ['steps'],
        detail: 'callers never get an answer of the challenger, so they cannot score it',
        expected: 'a step above 0, or quality.from: references',
      },
    from === 'judge' &&
      judge === undefined && {
        path: ['quality', 'judge'],
        detail: 'quality.from is judge, but quality.judge is missing',
        expected: 'judge: <a dimension of spec.evaluate of kind judge>',
      },
    from !== 'judge' &&
      judge !== undefined && {
        path: ['quality', 'judge'],
        detail: `quality.judge is set, but quality.from is ${from}`,
        expected: 'from: judge, or no judge',
      },
    ...ofAJudge.map(
      (key) =>
        from !== 'judge' && {
          path: ['quality', key],
          detail: `quality.${key} is for a judge, but quality.from is ${from}`,
          expected: `from: judge, or no ${key}`,
        },
    ),
    from === 'judge' &&
      measure !== undefined && {
        path: ['quality', 'measure'],
        detail: 'a judge uses no measure',
        expected: 'no measure',
      },
    from === 'judge' &&
      mostPairs < minPairs && {
        path: ['quality', 'mostPairs'],
        detail:
          `at most ${mostPairs} pairs are judged, but ${minPairs} are needed, ` +
          'so the judge could never decide',
        expected: `${minPairs} or more`,
      },
    measure === 'label' &&
      labels === undefined && {
        path: ['quality'],
        detail: 'the measure label needs the list of all labels',
        expected: 'labels: [<label>, …]',
      },
    measure !== 'label' &&
      labels !== undefined && {
        path: ['quality', 'labels'],
        detail:
          'quality.labels are for the measure label, ' +
          `not for ${measure ?? (from === 'judge' ? 'a judge' : 'f1')}`,
        expected: 'no labels',
      },
    rule === 'nonInferiority' &&
      margin === 0 && {
        path: ['quality', 'margin'],
        detail: 'the margin is 0, so nonInferiority could never be shown',
        expected: 'a margin above 0, or rule: superiority',
      },
    ...durationProblems({
      method: method === 'canary' ? undefined : method,
      steps,
      quality: { ...quality, largeHarm },
      test,
      maxDurationSeconds: maxDuration,
    }).map(({ where, detail, expected }) => ({
      path: where,
      detail: `${where.join('.')} ${detail}`,
      expected,
    })),
    ...guardrails.map(({ name }, index): CanaryProblem | false => {
      const isSecond = guardrails.findIndex((each) => each.name === name) < index;
      return (
        isSecond && {
          path: ['guardrails', index, 'name'],
          detail: `${name} is listed twice`,
          expected: 'each guardrail once',
        }
      );
    }),
  ];
  return problems.filter((problem) => problem !== false);
}
