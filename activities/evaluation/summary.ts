import type { ArtifactRef } from '../../domain/dataset/artifact';
import { classMetrics, type ClassMetric } from '../../domain/evaluation/metrics/multiclass';
import type {
  ClassEvidence,
  CounterpartName,
  Evidence,
  Measurement,
  Measurements,
} from '../../domain/decision/evidence';
import { boundsAt } from '../../domain/decision/gates/gate';
import type { MetricName } from '../../domain/lifecycle/lifecycle';

/** With the customary interval of 95 %; null where it was not measured. */
export interface MetricSummary {
  readonly value: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
}

export type MetricSummaries = Readonly<Partial<Record<MetricName, MetricSummary>>>;

/** What tables and pages show of an evaluation; the evidence has everything. */
export interface EvaluationSummary {
  readonly metrics: MetricSummaries;
  /** Whom the candidate was laid beside: the champion where there is one. */
  readonly against: string | null;
  /** Candidate minus that counterpart; positive is worse. */
  readonly increases: MetricSummaries;
  /** That were judged. */
  readonly rows: number;
  /** Blocks, where `unit` says so. */
  readonly days: number;
  /** What was resampled, where it is not days. */
  readonly unit?: 'row' | 'group';
  readonly predictions: ArtifactRef;
  /** Of a multiclass candidate, by class. */
  readonly classes?: readonly ClassSummary[];
}

export interface ClassSummary extends Readonly<Record<ClassMetric, MetricSummary>> {
  readonly class: string;
  readonly rows: number;
}

export function summaryOf(evidence: Evidence, predictions: ArtifactRef): EvaluationSummary {
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
  // Two bounds at 97.5 % enclose 95 %.
  const bounds = measurement.kind === 'measured' ? boundsAt(measurement.bounds, 0.975) : null;
  return {
    value: measurement.estimate,
    lower: bounds?.lower ?? null,
    upper: bounds?.upper ?? null,
  };
}
