import { figure } from '../../format';
import { sliceOf } from '../canary/case-slices';
import type { Files } from './case-checks';
import { mostAsksOfCase } from '../evaluation/asks';
import { casesIn } from '../cases/case-set-document';
import { leastShown } from '../evaluation/sample-size';
import type { LlmLifecycleSpec } from './llm-lifecycle';

/**
 * What each threshold will take, and each model that is to stand by, said before anything is paid:
 * bounds of few cases are wide, and a gate that they can hardly meet is found out here.
 */
export function gateOutlooks(
  {
    cases,
    evaluate,
    model,
    canary,
    budget,
  }: Pick<LlmLifecycleSpec, 'cases' | 'evaluate' | 'model' | 'canary' | 'budget'>,
  files: Files,
): readonly string[] {
  const all = casesIn(files[cases.file] ?? '', cases.file);
  const judging = all.filter((each) => sliceOf(each, cases) === 'judge').length;
  const thresholds = evaluate.gates.flatMap((gate) => {
    if (gate.kind === 'allPass')
      return [
        `${gate.name}: each of the ${judging} cases that judge must have ${gate.dimension} of at least ${gate.min}; it says nothing of other cases`,
      ];
    if (gate.kind !== 'threshold') return [];
    const { name, dimension, min, confidence } = gate;
    const least = leastShown({ cases: judging, min, level: confidence });
    const what = `${name}: ${judging} cases judge, and ${dimension} of at least ${min}`;
    return [
      least === null
        ? `${what} is more than so few can show`
        : `${what} is shown by a mean from ${figure(least)}, where scores are all or nothing`,
    ];
  });
  const questions = judging * mostAsksOfCase(evaluate.dimensions);
  const judged = evaluate.dimensions.some(({ kind }) => kind === 'judge')
    ? ', and what the judges are asked about its answers'
    : '';
  const isBounded = budget.usd !== null || budget.tokens !== null;
  const sharing =
    model.standby.length > 0 && isBounded && canary?.quality.answers?.from === 'judge'
      ? [
          'what standbys are asked is paid before the canary, from the budget that its judge is paid from',
        ]
      : [];
  return [
    ...thresholds,
    ...model.standby.map(
      (each) =>
        `${each.provider} ${each.model} stands by once it has passed the gates itself: up to ${questions} questions${judged}`,
    ),
    ...sharing,
  ];
}
