import { budgetUnits } from '../../budget/budget';
import { count, figure, interval, formatSigned } from '../../format';
import { standbyText } from '../../bundle/standby';
import { scoreSummary } from './answers-summary';
import type { Aggregate } from './aggregate';
import type { LlmEvidence } from './evidence';
import { reasonWithMessage } from './unanswered-cases';

/** What was measured, as lines of text: one fact per line, counterparts below their dimension. */
export function explainCases(evidence: LlmEvidence): readonly string[] {
  const {
    cases,
    caseSet,
    dimensions,
    comparisons,
    unanswered,
    latenciesMs,
    earlier,
    untimed = {},
    notReworded = {},
    because = {},
    costs,
  } = evidence;
  const width = Math.max(0, ...Object.keys(dimensions).map((name) => name.length));
  const counterparts = (name: string): readonly string[] =>
    (['champion', 'baseline'] as const).flatMap((counterpart) => {
      if (evidence.missing?.[counterpart]?.kind === 'same')
        return [`  the candidate is the ${counterpart}`];
      const difference = comparisons[counterpart]?.[name];
      return difference
        ? [`  difference from ${counterpart} ${formatInterval(difference, formatSigned)}`]
        : [];
    });
  const withoutAnswer = Object.values(unanswered).reduce((sum, each) => sum + each, 0);
  const answered =
    withoutAnswer === 0 ? 'all answered' : `${count(withoutAnswer)} without an answer`;
  const cost = costs.reduce((sum, each) => sum + each, 0) / budgetUnits.usd;
  return [
    `${count(cases)} cases of ${caseSet.slice(0, 19)}, ${answered}`,
    ...Object.entries(unanswered).map(
      ([reason, times]) => `  ${count(times)} × ${reasonWithMessage(reason, because[reason])}`,
    ),
    ...answerers(evidence),
    ...Object.entries(dimensions).flatMap(([name, { aggregate, judge }]) => [
      `${name.padEnd(width)} ${formatInterval(aggregate, figure)}${judge ? ', by a judge' : ''}`,
      ...counterparts(name),
    ]),
    ...countedLine('paraphrases skipped', notReworded),
    `latency p50 ${percentile(latenciesMs, 0.5)}, p95 ${percentile(latenciesMs, 0.95)} ` +
      `(${count(latenciesMs.length)} cases)`,
    ...(earlier === 0
      ? []
      : [`  ${count(earlier)} cases reused from earlier runs; not in the latency figures`]),
    ...countedLine('  no answer when repeated to measure latency', untimed),
    `first answers cost $${cost.toFixed(4)}`,
    ...(evidence.standbys ?? []).map(standbyText),
  ];
}

function countedLine(what: string, reasons: Readonly<Record<string, number>>): readonly string[] {
  const counted = Object.entries(reasons).map(([reason, times]) => `${count(times)} × ${reason}`);
  return counted.length === 0 ? [] : [`${what}: ${counted.join(', ')}`];
}

function answerers({ answeredBy }: LlmEvidence): readonly string[] {
  if (answeredBy.length === 0) return [];
  const named = answeredBy.map(
    ({ provider, model, standsIn, cases }) =>
      `${provider} ${model} (${count(cases)}${standsIn ? ', a standby' : ''})`,
  );
  const standIns = answeredBy.reduce((sum, { standsIn, cases }) => sum + (standsIn ? cases : 0), 0);
  return [
    `answered by ${named.join(', ')}`,
    ...(standIns === 0
      ? []
      : [`  the scores include ${count(standIns)} answers of standbys, not only the first model`]),
  ];
}

function formatInterval(aggregate: Aggregate, show: (value: number | null) => string): string {
  const { mean, lower, upper, cases, failures } = scoreSummary(aggregate);
  const formatKnown = (value: number | null): string => (value === null ? 'unknown' : show(value));
  const missing = failures === 0 ? '' : `, ${count(failures)} of ${count(cases)} not measured`;
  return `${formatKnown(mean)} (95 %: ${interval({ lower, upper }, formatKnown)}${missing})`;
}

function percentile(values: readonly number[], share: number): string {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return value === undefined ? 'unknown' : `${count(Math.round(value))} ms`;
}
