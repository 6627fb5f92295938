import type { Digest } from '../artifact';
import type { CounterpartEvidence, CounterpartName, Measurement, Measurements, SliceSpec } from '../evidence';
import type { MetricName } from '../lifecycle';
import { increaseOf } from '../metrics/metric';
import { metrics } from '../metrics/metrics';
import type { ScoredSample } from '../metrics/sample';
import type { Task } from '../model';
import { dayResamples, type DayResamples, type DayStatistic } from '../statistics/day-resamples';
import { bootstrapReplicates } from '../statistics/interval';
import type { Seed } from '../statistics/random';
import { measure } from './measurement';
import { measureSlices, type SliceColumn } from './slices';

/** The rows of the judged days with everybody's scores, row for row. */
export interface ScoredHoldout {
  readonly task: Task;
  readonly labels: Float64Array;
  /** Numbered from 0 in order of time, without days that have no rows. */
  readonly day: Int32Array;
  readonly days: number;
  readonly candidate: Float64Array;
  readonly counterparts: Readonly<Record<CounterpartName, ScoredCounterpart>>;
  /** By version. */
  readonly anchors: Readonly<Record<string, ScoredCounterpart>>;
  readonly sliceColumns: Readonly<Record<string, SliceColumn>>;
}

export type ScoredCounterpart =
  | Extract<CounterpartEvidence, { readonly kind: 'absent' | 'notMeasured' }>
  | { readonly kind: 'scored'; readonly name: string; readonly manifest: Digest; readonly scores: Float64Array };

export interface MeasurementPlan {
  readonly metrics: readonly MetricName[];
  readonly slices: SliceSpec | null;
  readonly levels: readonly number[];
  readonly seed: Seed;
}

export interface MeasuredHoldout {
  readonly replicates: number;
  readonly metrics: Measurements;
  readonly counterparts: Readonly<Record<CounterpartName, CounterpartEvidence>>;
  /** Absent where there are none. */
  readonly anchors?: Readonly<Record<string, CounterpartEvidence>>;
}

/**
 * Measures the candidate and lays it beside its counterparts. Every figure comes from the same resamples of days, so that all differences are
 * paired. Yields before each piece of work (tens of milliseconds for 30,000 rows), so that a caller with an event loop can let others in.
 */
export function* measureHoldout(holdout: ScoredHoldout, plan: MeasurementPlan): Generator<string, MeasuredHoldout> {
  yield 'resamples';
  const resamples = dayResamples({ days: holdout.days, replicates: bootstrapReplicates, seed: plan.seed });
  const work: Work = { holdout, plan, resamples };
  const candidate = yield* prepareAll(work, 'candidate', holdout.candidate);
  const measured = {
    replicates: resamples.replicates,
    metrics: yield* measureAll(work, candidate),
    counterparts: {
      champion: yield* measureCounterpart(work, candidate, holdout.counterparts.champion),
      baseline: yield* measureCounterpart(work, candidate, holdout.counterparts.baseline),
    },
  };
  const anchors: Record<string, CounterpartEvidence> = {};
  for (const [version, scored] of Object.entries(holdout.anchors)) anchors[version] = yield* measureCounterpart(work, candidate, scored);
  return Object.keys(anchors).length === 0 ? measured : { ...measured, anchors };
}

interface Work {
  readonly holdout: ScoredHoldout;
  readonly plan: MeasurementPlan;
  readonly resamples: DayResamples;
}

/** The part of a holdout on these rows, whose days are yet to be numbered. */
export function onRows(whole: Omit<ScoredHoldout, 'day' | 'days'>, rows: Int32Array): Omit<ScoredHoldout, 'day' | 'days'> {
  const part = (values: Float64Array) => Float64Array.from(rows, (row) => values[row] ?? NaN);
  const scoredPart = (of: ScoredCounterpart): ScoredCounterpart => (of.kind === 'scored' ? { ...of, scores: part(of.scores) } : of);
  const slicePart = (of: SliceColumn): SliceColumn =>
    of.kind === 'coded' ? { ...of, codes: Int32Array.from(rows, (row) => of.codes[row] ?? -1) } : of;
  return {
    ...whole,
    labels: part(whole.labels),
    candidate: part(whole.candidate),
    counterparts: { champion: scoredPart(whole.counterparts.champion), baseline: scoredPart(whole.counterparts.baseline) },
    anchors: Object.fromEntries(Object.entries(whole.anchors).map(([version, of]) => [version, scoredPart(of)])),
    sliceColumns: Object.fromEntries(Object.entries(whole.sliceColumns).map(([name, column]) => [name, slicePart(column)])),
  };
}

/** Statistics over the whole holdout; a text says why there is none. */
type Prepared = ReadonlyMap<MetricName, DayStatistic | string>;

function* prepareAll({ holdout, plan }: Work, who: string, scores: Float64Array): Generator<string, Prepared> {
  const { task, labels, day, days } = holdout;
  const sample: ScoredSample = { labels, scores, day, days };
  const unscored = scores.reduce((count, score) => count + (Number.isFinite(score) ? 0 : 1), 0);
  const prepared = new Map<MetricName, DayStatistic | string>();
  for (const name of plan.metrics) {
    yield `${who}: ${name}`;
    const metric = metrics[name];
    if (metric.task !== task) prepared.set(name, `${name} is a metric of ${metric.task}, and the label makes this ${task}`);
    // Leaving out the rows that a model cannot score would flatter it: a part of the holdout is not the holdout (I10).
    else if (unscored > 0) prepared.set(name, `${who}: ${unscored} of ${scores.length} holdout rows have no finite score`);
    else prepared.set(name, metric.prepare(sample));
  }
  return prepared;
}

function* measureAll({ holdout, plan, resamples }: Work, prepared: Prepared): Generator<string, Measurements> {
  const measured: Partial<Record<MetricName, Measurement>> = {};
  for (const [name, statistic] of prepared) {
    yield name;
    measured[name] =
      typeof statistic === 'string'
        ? { kind: 'notMeasured', reason: statistic, estimate: null }
        : measure({ what: name, statistic, resamples, levels: plan.levels, rows: holdout.labels.length, days: holdout.days }).measurement;
  }
  return measured;
}

function* measureCounterpart(work: Work, candidate: Prepared, counterpart: ScoredCounterpart): Generator<string, CounterpartEvidence> {
  if (counterpart.kind !== 'scored') return counterpart;
  const { name, manifest, scores } = counterpart;
  const theirs = yield* prepareAll(work, name, scores);
  const { slices } = work.plan;
  return {
    kind: 'measured',
    name,
    manifest,
    metrics: yield* measureAll(work, theirs),
    increases: yield* measureAll(work, increases(candidate, theirs)),
    slices: slices === null ? null : yield* measureSlices({ ...work, spec: slices, counterpart: scores }),
  };
}

function increases(candidate: Prepared, counterpart: Prepared): Prepared {
  const both = new Map<MetricName, DayStatistic | string>();
  for (const [name, own] of candidate) {
    const their = counterpart.get(name) ?? `${name} was not measured`;
    if (typeof own === 'string') both.set(name, own);
    else if (typeof their === 'string') both.set(name, their);
    else both.set(name, increaseOf(metrics[name], own, their));
  }
  return both;
}
