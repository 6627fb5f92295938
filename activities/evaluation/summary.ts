import type { ArtifactRef } from '../../domain/artifact';
import { classMetrics, type ClassMetric } from '../../domain/evaluation/metrics/multiclass';
import type {
  ClassEvidence,
  CounterpartName,
  Evidence,
  Measurement,
  Measurements,
} from '../../domain/evaluation/evidence';
import { boundsAt } from '../../domain/decision/gates/gate';
import type { MetricName } from '../../domain/evaluation/metrics/names';

/** Estimate with its 95% interval; null when not measured. */
export interface MetricSummary {
  readonly value: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
}

export type MetricSummaries = Readonly<Partial<Record<MetricName, MetricSummary>>>;

/** The part of the evidence that tables and pages show. */
export interface EvaluationSummary {
  readonly metrics: MetricSummaries;
  /** Name of the counterpart: the champion, or else the baseline; null without one. */
  readonly against: string | null;
  /** Candidate minus that counterpart; positive is worse. */
  readonly increases: MetricSummaries;
  /** Number of judged rows. */
  readonly rows: number;
  /** Number of days, or of random blocks if `unit` is set. */
  readonly days: number;
  /** The unit of resampling, when it is not the day. */
  readonly unit?: 'row' | 'group';
  readonly predictions: ArtifactRef;
  /** Metrics of each class, for a multiclass candidate. */
  readonly classes?: readonly ClassSummary[];
}

export interface ClassSummary extends Readonly<Record<ClassMetric, MetricSummary>> {
  readonly class: string;
  readonly rows: number;
}

export function summarizeEvaluation(
  evidence: Evidence,
  predictions: ArtifactRef,
): EvaluationSummary {
  const { counterparts, holdout, judged = holdout, metrics } = evidence;
  const { unit } = evidence.resampling;
  const order: readonly CounterpartName[] = ['champion', 'baseline'];
  const beside = order.map((name) => counterparts[name]).find((each) => each.kind === 'measured');
  return {
    metrics: summaries(metrics),
    against: beside?.kind === 'measured' ? beside.name : null,
    increases: beside?.kind === 'measured' ? summaries(beside.increases) : {},
    rows: judged.rows,
    days: judged.days,
    ...(unit !== 'day' && { unit }),
    predictions,
    ...(evidence.classes && { classes: evidence.classes.map(classSummary) }),
  };
}

function classSummary({ class: name, rows, ...measured }: ClassEvidence): ClassSummary {
  const metrics = Object.fromEntries(
    classMetrics.map((metric) => [metric, summary(measured[metric])]),
  );
  return { class: name, rows, ...(metrics as Record<ClassMetric, MetricSummary>) };
}

function summaries(measurements: Measurements): MetricSummaries {
  const entries = Object.entries(measurements) as [MetricName, Measurement][];
  return Object.fromEntries(entries.map(([name, measurement]) => [name, summary(measurement)]));
}

function summary(measurement: Measurement): MetricSummary {
  // Two one-sided bounds at 97.5% enclose 95%.
  const bounds = measurement.kind === 'measured' ? boundsAt(measurement.bounds, 0.975) : null;
  return {
    value: measurement.estimate,
    lower: bounds?.lower ?? null,
    upper: bounds?.upper ?? null,
  };
}
