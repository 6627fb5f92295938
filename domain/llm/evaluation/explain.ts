import { budgetUnits } from '../../budget';
import { scoreSummary } from './answered';
import type { Aggregate } from './aggregate';
import type { LlmEvidence } from './evidence';

/** What was measured, one line a dimension, with each counterpart beside it. */
export function explainLlmEvidence(evidence: LlmEvidence): readonly string[] {
  const { cases, caseSet, dimensions, comparisons, unanswered, latenciesMs, costs } = evidence;
  const width = Math.max(0, ...Object.keys(dimensions).map((name) => name.length));
  const beside = (name: string): string =>
    (['champion', 'baseline'] as const)
      .map((who) => {
        const difference = comparisons[who]?.[name];
        if (evidence.missing?.[who]?.kind === 'same') return `; it is the ${who}`;
        return difference ? `; beside the ${who} ${intervalOf(difference, true)}` : '';
      })
      .join('');
  const missing = Object.entries(unanswered).map(([reason, count]) => `${count} × ${reason}`);
  const cost = costs.reduce((sum, each) => sum + each, 0) / budgetUnits.usd;
  return [
    `${cases} cases of ${caseSet.slice(0, 19)}${missing.length === 0 ? ', all answered' : `, without an answer: ${missing.join(', ')}`}`,
    ...Object.entries(dimensions).map(
      ([name, { aggregate, judge }]) => `${name.padEnd(width)} ${intervalOf(aggregate, false)}${judge ? ' by a judge' : ''}${beside(name)}`,
    ),
    `time ${percentile(latenciesMs, 0.5)} in the middle, ${percentile(latenciesMs, 0.95)} at 95 %; $${cost.toFixed(4)} for the first answers`,
  ];
}

function intervalOf(aggregate: Aggregate, isDifference: boolean): string {
  const { mean, lower, upper, cases, failures } = scoreSummary(aggregate);
  const figure = (value: number | null): string =>
    value === null ? 'unknown' : `${isDifference && value >= 0 ? '+' : ''}${value.toFixed(3)}`;
  const missing = failures === 0 ? '' : `, ${failures} of ${cases} not measured`;
  return `${figure(mean)} (95 %: ${figure(lower)} … ${figure(upper)}${missing})`;
}

function percentile(values: readonly number[], share: number): string {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return value === undefined ? 'unknown' : `${Math.round(value)} ms`;
}
