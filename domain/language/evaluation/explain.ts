import { budgetUnits } from '../../budget/budget';
import { figure, interval, signed } from '../../format';
import { standbyText } from '../provider/standby';
import { scoreSummary } from './answered';
import type { Aggregate } from './aggregate';
import type { LlmEvidence } from './evidence';
import { withBecause } from './unanswered';

/** What was measured, one line a dimension, with each counterpart beside it. */
export function explainLlmEvidence(evidence: LlmEvidence): readonly string[] {
  const {
    cases,
    caseSet,
    dimensions,
    comparisons,
    unanswered,
    latenciesMs,
    earlier,
    untimed = {},
    because = {},
    costs,
  } = evidence;
  const width = Math.max(0, ...Object.keys(dimensions).map((name) => name.length));
  const beside = (name: string): string =>
    (['champion', 'baseline'] as const)
      .map((who) => {
        const difference = comparisons[who]?.[name];
        if (evidence.missing?.[who]?.kind === 'same') return `; it is the ${who}`;
        return difference ? `; beside the ${who} ${intervalOf(difference, true)}` : '';
      })
      .join('');
  const missing = Object.entries(unanswered).map(
    ([reason, count]) => `${count} × ${withBecause(reason, because[reason])}`,
  );
  const late = Object.entries(untimed).map(([reason, count]) => `${count} × ${reason}`);
  const cost = costs.reduce((sum, each) => sum + each, 0) / budgetUnits.usd;
  return [
    `${cases} cases of ${caseSet.slice(0, 19)}${missing.length === 0 ? ', all answered' : `, without an answer: ${missing.join(', ')}`}`,
    ...answerers(evidence),
    ...Object.entries(dimensions).map(
      ([name, { aggregate, judge }]) =>
        `${name.padEnd(width)} ${intervalOf(aggregate, false)}${judge ? ' by a judge' : ''}${beside(name)}`,
    ),
    ...refusedParaphrases(evidence),
    `time ${percentile(latenciesMs, 0.5)} in the middle, ${percentile(latenciesMs, 0.95)} at 95 %${earlier === 0 ? '' : ` of ${latenciesMs.length} cases; the other ${earlier} were answered in earlier runs, under other loads`}${late.length === 0 ? '' : `; without an answer when asked again for their time: ${late.join(', ')}`}; $${cost.toFixed(4)} for the first answers`,
    ...(evidence.standbys ?? []).map(standbyText),
  ];
}

function refusedParaphrases({ notReworded = {} }: LlmEvidence): readonly string[] {
  const reasons = Object.entries(notReworded).map(([reason, count]) => `${count} × ${reason}`);
  return reasons.length === 0 ? [] : [`paraphrases that were not asked: ${reasons.join(', ')}`];
}

function answerers({ answeredBy }: LlmEvidence): readonly string[] {
  if (answeredBy.length === 0) return [];
  const named = answeredBy.map(
    ({ provider, model, standsIn, cases }) =>
      `${provider} ${model} (${cases}${standsIn ? ', a standby' : ''})`,
  );
  const standIns = answeredBy.reduce((sum, { standsIn, cases }) => sum + (standsIn ? cases : 0), 0);
  const warning =
    standIns === 0
      ? ''
      : `; what is measured is not the first model's alone: standbys gave ${standIns} answers`;
  return [`answered by ${named.join(', ')}${warning}`];
}

function intervalOf(aggregate: Aggregate, isDifference: boolean): string {
  const { mean, lower, upper, cases, failures } = scoreSummary(aggregate);
  const show = (value: number | null): string =>
    value === null ? 'unknown' : isDifference ? signed(value) : figure(value);
  const missing = failures === 0 ? '' : `, ${failures} of ${cases} not measured`;
  return `${show(mean)} (95 %: ${interval({ lower, upper }, show)}${missing})`;
}

function percentile(values: readonly number[], share: number): string {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return value === undefined ? 'unknown' : `${Math.round(value)} ms`;
}
