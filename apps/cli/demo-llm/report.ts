/**
 * The measurements of the demo, each compared with a baseline without a language model, search or
 * training. Pure.
 */
import { count, figure as roundedFigure, interval, formatSigned } from '../../../domain/format';
import type { Aggregate } from '../../../domain/language/evaluation/aggregate';
import { scoreSummary } from '../../../domain/language/evaluation/answers-summary';
import type { LlmEvidence } from '../../../domain/language/evaluation/evidence';
import { wilsonBounds } from '../../../domain/statistics/wilson';
import type { RolloutJson } from '../rollout/view';
import type { FineTuningJson, PromptsJson } from '../../api/language/view';
import type { RetrievalScore } from './retrieval';

export interface ReportedEstimate {
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
}

/** One line of the report. */
export interface Figure {
  readonly what: string;
  readonly ours: { readonly who: string } & ReportedEstimate;
  readonly baseline: { readonly who: string } & ReportedEstimate;
  /** Which value is better, ignoring the intervals. */
  readonly ahead: 'ours' | 'baseline' | 'neither';
  /** Whether the intervals do not overlap, which few of these differences can show. */
  readonly apart: boolean;
}

export function figure(what: string, ours: Figure['ours'], baseline: Figure['baseline']): Figure {
  const ahead =
    ours.value > baseline.value ? 'ours' : ours.value < baseline.value ? 'baseline' : 'neither';
  return {
    what,
    ours,
    baseline,
    ahead,
    apart: ours.lower > baseline.upper || ours.upper < baseline.lower,
  };
}

/** Figures on the held-out rows of the trainer, the same rows for all four. */
export function routingFigures({
  rows,
  metrics,
  facts,
}: Pick<FineTuningJson, 'rows' | 'metrics' | 'facts'>): readonly Figure[] {
  const held = (facts['holdout'] as { readonly rows?: number } | undefined)?.rows ?? rows.holdout;
  const share = (name: string): ReportedEstimate | null => {
    const value = metrics[name];
    return value === undefined ? null : toEstimate(Math.round(value * held), held);
  };
  const adapter = share('accuracy');
  if (adapter === null) return [];
  const beside = [
    ['TF-IDF + logistic regression', 'tfidf_accuracy'],
    ['the same prompt, not fine-tuned', 'base_accuracy'],
    ['the most frequent class', 'majority_accuracy'],
  ] as const;
  return beside.flatMap(([who, name]) => {
    const theirs = share(name);
    return theirs === null
      ? []
      : [
          figure(
            `classes distinguished, ${held} definitions`,
            { who: 'adapter', ...adapter },
            { who, ...theirs },
          ),
        ];
  });
}

export function retrievalFigures(found: readonly RetrievalScore[]): readonly Figure[] {
  return found.map(({ k, questions, byIndex, byTfIdf }) =>
    figure(
      `recall@${k}, ${questions} questions`,
      { who: 'index', ...toEstimate(byIndex, questions) },
      { who: 'TF-IDF', ...toEstimate(byTfIdf, questions) },
    ),
  );
}

/**
 * The candidates on the selection cases. The first is the baseline of the others.
 */
export function promptFigures({ candidates }: PromptsJson, dimension: string): readonly Figure[] {
  const [first, ...others] = candidates;
  const baseline = first && toMeasured(first.dimensions[dimension]);
  if (!first || !baseline) return [];
  return others.flatMap(({ path, cases, dimensions }) => {
    const ours = toMeasured(dimensions[dimension]);
    const who = `first: ${nameFile(first.path)}`;
    return ours
      ? [
          figure(
            `${dimension}, ${cases} selection cases`,
            { who: nameFile(path), ...ours },
            { who, ...baseline },
          ),
        ]
      : [];
  });
}

/**
 * The gain of a search over the best candidate, on cases that no choice used; null without a
 * search.
 */
export function searchedText({ searched }: PromptsJson, dimension: string): string | null {
  if (!searched) return null;
  const { first, found, variants, questions, gain, unpaid } = searched;
  if (unpaid !== null)
    return `the search for a better prompt than ${nameFile(first)} ended: ${unpaid}`;
  const measured = gain && toMeasured(gain);
  const what =
    found === null
      ? `no better prompt than ${nameFile(first)} was found`
      : `${found} beside ${nameFile(first)}`;
  const by = measured
    ? `, ${dimension} ${formatSigned(measured.value)} (${interval(measured)})`
    : '';
  return `searched ${variants} prompts with ${questions} questions: ${what}${by} on held-out cases`;
}

/** A difference on the same cases, from which the mean of the counterpart follows. */
export function differenceFigure(
  { dimensions, comparisons }: Pick<LlmEvidence, 'dimensions' | 'comparisons'>,
  dimension: string,
  against: 'champion' | 'baseline',
): {
  readonly ours: ReportedEstimate;
  readonly difference: ReportedEstimate;
  readonly cases: number;
} | null {
  const own = dimensions[dimension]?.aggregate;
  const compared = comparisons[against]?.[dimension];
  const [ours, difference] = [own && measuredIn(own), compared && measuredIn(compared)];
  return ours && difference && own ? { ours, difference, cases: own.cases } : null;
}

/** The other dimensions of the bundle; null if only the quality was measured. */
export function otherDimensionsText(
  { dimensions }: Pick<LlmEvidence, 'dimensions'>,
  quality: string,
): string | null {
  const others = Object.entries(dimensions).flatMap(([name, { aggregate }]) => {
    const measured = name === quality ? null : measuredIn(aggregate);
    return measured === null ? [] : [`${name} ${measuredText(measured)}`];
  });
  return others.length === 0 ? null : others.join(', ');
}

export function rolloutText({ quality, status, champion, challenger }: RolloutJson): string {
  const { n, estimate, lower, upper, limit } = quality;
  const show = (value: number | null) => (value === null ? 'unknown' : formatSigned(value));
  const bounds = interval({ lower, upper }, show);
  return `@${challenger} beside @${champion}: loss ${show(estimate)} (${bounds}) on ${count(n)} pairs, limit ${formatSigned(limit)}: ${status}`;
}

/** Half of the width of the interval, the smallest difference that it can show. */
export function halfWidth({ lower, upper }: Pick<ReportedEstimate, 'lower' | 'upper'>): number {
  return (upper - lower) / 2;
}

export function toEstimate(right: number, count: number): ReportedEstimate {
  return { value: right / count, ...wilsonBounds({ events: right, n: count }, 0.95) };
}

export function measuredText({ value, lower, upper }: ReportedEstimate): string {
  return `${roundedFigure(value)} (${interval({ lower, upper }, roundedFigure)})`;
}

function measuredIn(aggregate: Aggregate): ReportedEstimate | null {
  return toMeasured(scoreSummary(aggregate));
}

function toMeasured(
  score:
    | { readonly mean: number | null; readonly lower: number | null; readonly upper: number | null }
    | undefined,
): ReportedEstimate | null {
  if (!score) return null;
  const { mean, lower, upper } = score;
  return mean === null || lower === null || upper === null ? null : { value: mean, lower, upper };
}

function nameFile(path: string): string {
  return path.replace(/^.*\//, '').replace(/\.ya?ml$/, '');
}
