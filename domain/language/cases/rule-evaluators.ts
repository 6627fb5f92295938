import type { EvaluatorInput } from '../judge/evaluator-input';
import { ruleViolation, jsonErrors, type Rule, type RuleTools } from '../dimension/rule';
import { toFailure, notApplicable, toScore, type Score } from '../evaluation/score';

export function evaluateRegex(
  { answer }: EvaluatorInput,
  pattern: string,
  tools: RuleTools,
): Score {
  return rulesScore([{ kind: 'matches', pattern }], answer, tools);
}

export function evaluateJson(
  { case: { expected }, answer }: EvaluatorInput,
  schema: Readonly<Record<string, unknown>> | null,
  tools: RuleTools,
): Score {
  const errors = jsonErrors(answer, schema ?? expected.schema ?? null, tools);
  if ('untold' in errors) return toFailure(errors.untold);
  return toScore(errors.length === 0, errors.length === 0 ? undefined : errors.join('; '));
}

export function evaluateRules(
  { case: { rules: own }, answer }: EvaluatorInput,
  rules: readonly Rule[],
  tools: RuleTools,
): Score {
  const all = [...rules, ...own];
  return all.length === 0 ? notApplicable : rulesScore(all, answer, tools);
}

/** 1 if all rules hold, else 0. */
function rulesScore(rules: readonly Rule[], answer: string, tools: RuleTools): Score {
  const breaches = rules
    .map((rule) => ruleViolation(rule, answer, tools))
    .filter((breach) => breach !== null);
  const broken = breaches.filter(({ kind }) => kind === 'broken').map(({ reason }) => reason);
  if (broken.length > 0) return toScore(false, broken.join('; '));
  const [unknown] = breaches;
  return unknown ? toFailure(unknown.reason) : toScore(true);
}
