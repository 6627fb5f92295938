/** The results of the year, as text in Markdown and as the last JSON line. */
import type { YearDecision, YearIncident } from './decisions';
import { policyTitles, type PolicyGain } from './policies';
import type { MonthMetric } from './scores';

export interface YearMonth extends MonthMetric {
  readonly month: string;
}

export interface YearSummary {
  readonly months: readonly YearMonth[];
  /** What was served beside each other policy. */
  readonly gains: readonly PolicyGain[];
  readonly decisions: readonly YearDecision[];
  readonly incidents: readonly YearIncident[];
  /** One of so many flights was sent. */
  readonly oneOf: number;
  readonly failedRequests: number;
  /** Promises that were not kept; empty after a year as it should be. */
  readonly unkept: readonly string[];
  readonly files: { readonly chart: string; readonly table: string };
  readonly seconds: number;
}

export function describeYear({
  months,
  gains,
  decisions,
  incidents,
  ...year
}: YearSummary): string {
  return [
    markdown(
      ['month', 'labels', 'served', 'never retrained', 'every candidate'],
      [...months.map(monthRow), meanRow(months)],
    ),
    '',
    markdown(['served, beside', 'gain in log loss', '95 % interval', 'result'], gains.map(gainRow)),
    '',
    markdown(
      ['month', 'started by', 'version', 'outcome', 'reason'],
      decisions.map(({ month, trigger, version, outcome, reason }) => [
        month,
        trigger,
        version === null ? '' : `@${version}`,
        outcome,
        reason,
      ]),
    ),
    '',
    markdown(
      ['month', 'incident', 'what the engine did', 'resolved because'],
      incidents.map(({ month, title, engineDid, because }) => [
        month,
        title,
        engineDid,
        because ?? 'open',
      ]),
    ),
    '',
    `Mean log loss of one flight in ${year.oneOf}; ${year.failedRequests} requests failed; ${(year.seconds / 60).toFixed(0)} minutes.`,
    ...year.unkept.map((promise) => `Not as promised: ${promise}.`),
  ].join('\n');
}

function monthRow({ month, labels, served, never, every }: YearMonth): readonly string[] {
  return [month, String(labels), ...[served, never, every].map((loss) => loss.toFixed(4))];
}

/** Each flight counts the same. */
function meanRow(months: readonly YearMonth[]): readonly string[] {
  const labels = months.reduce((sum, month) => sum + month.labels, 0);
  const mean = (loss: (month: YearMonth) => number): string =>
    (months.reduce((sum, month) => sum + loss(month) * month.labels, 0) / labels).toFixed(4);
  return [
    'all',
    String(labels),
    mean(({ served }) => served),
    mean(({ never }) => never),
    mean(({ every }) => every),
  ];
}

function gainRow({ policy, gain, lower, upper }: PolicyGain): readonly string[] {
  const formatBound = (value: number | null) =>
    value === null ? 'unbounded' : formatSigned(value);
  return [
    policyTitles[policy],
    formatSigned(gain),
    `${formatBound(lower)} … ${formatBound(upper)}`,
    lower !== null && lower > 0
      ? 'served is better'
      : upper !== null && upper < 0
        ? 'served is worse'
        : 'no difference shown',
  ];
}

function formatSigned(value: number): string {
  return `${value <= -0.00005 ? '−' : '+'}${Math.abs(value).toFixed(4)}`;
}

function markdown(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(header), `|${'---|'.repeat(header.length)}`, ...rows.map(line)].join('\n');
}
