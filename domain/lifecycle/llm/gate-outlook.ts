import { caseSlice } from '../../language/cases/case-slices';
import type { Files } from './case-checks';
import { maxQuestionsPerCase } from '../../language/evaluation/evaluation-questions';
import { readableCases } from '../../language/cases/case-set-document';
import { lowestSufficientMean } from '../../language/evaluation/sample-size';
import { count, figure, plain } from '../../format';
import type { LlmLifecycleSpec } from './llm-lifecycle';

/**
 * Tells before any cost what each threshold needs and how many requests each standby takes. Bounds
 * from few cases are wide, so this finds gates that the cases can hardly meet.
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
  const all = readableCases(files[cases.file] ?? '', cases.file);
  const judging = all.filter((each) => caseSlice(each, cases) === 'judge').length;
  const thresholds = evaluate.gates.flatMap((gate) => {
    if (gate.kind === 'allPass')
      return [
        `${gate.name}: ${gate.dimension} must be at least ${plain(gate.min)} in each of ` +
          `${count(judging)} cases; this says nothing about other cases`,
      ];
    if (gate.kind !== 'threshold') return [];
    const { name, dimension, min, confidence } = gate;
    const lowest = lowestSufficientMean({ cases: judging, min, level: confidence });
    const what = `${name}: ${count(judging)} cases`;
    return [
      lowest === null
        ? `${what} are too few to show ${dimension} of at least ${plain(min)}`
        : `${what} show ${dimension} of at least ${plain(min)} with a mean of ` +
          `${figure(lowest)} or more, if scores are 0 or 1`,
    ];
  });
  const questions = judging * maxQuestionsPerCase(evaluate.dimensions);
  const judged = evaluate.dimensions.some(({ kind }) => kind === 'judge')
    ? ' and the judge requests for its answers'
    : '';
  const isBounded = budget.usd !== null || budget.tokens !== null;
  const sharing =
    model.standby.length > 0 && isBounded && canary?.quality.answers?.from === 'judge'
      ? ['standbys are evaluated before the canary, from the same budget as its judge']
      : [];
  return [
    ...thresholds,
    ...model.standby.map(
      (each) =>
        `${each.provider} ${each.model} must pass the gates to be a standby: ` +
        `up to ${count(questions)} questions${judged}`,
    ),
    ...sharing,
  ];
}
