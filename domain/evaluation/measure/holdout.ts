import type {
  ClassEvidence,
  CounterpartEvidence,
  CounterpartName,
  Measurement,
  Measurements,
} from '../evidence';
import type { MetricName } from '../metrics/names';
import { computeIncrease } from '../metrics/metric';
import { metrics } from '../metrics/metrics';
import { scoresOfRows, unscoredRows, computeWidth, type ScoredSample } from '../metrics/sample';
import { dayResamples, type DayStatistic } from '../../statistics/day-resamples';
import { bootstrapReplicates, dayInfluences } from '../../statistics/interval';
import { measureClasses, measureClassIncreases } from './classes';
import { boundErrors, heavyTailIn, type ErrorRows } from './errors';
import { measure } from './measurement';
import { measureFit, type ModelFit } from './fit';
import { measureSlices } from './slices';
import type {
  HoldoutWork,
  MeasurementPlan,
  ScoredCounterpart,
  ScoredHoldout,
  Scores,
  SliceColumn,
} from './plan';

export interface MeasuredHoldout {
  readonly replicates: number;
  readonly metrics: Measurements;
  readonly classes?: readonly ClassEvidence[];
  readonly fit: ModelFit | null;
  readonly counterparts: Readonly<Record<CounterpartName, CounterpartEvidence>>;
  /** Absent without any. */
  readonly anchors?: Readonly<Record<string, CounterpartEvidence>>;
}

/**
 * Measures the candidate and compares it with its counterparts. All use the same resamples of days,
 * so that differences are paired. Yields before each piece of work (tens of milliseconds for 30,000
 * rows), so that the caller can run other tasks.
 */
export function* measureHoldout(
  whole: ScoredHoldout,
  plan: MeasurementPlan,
): Generator<string, MeasuredHoldout> {
  const holdout = boundErrors(whole, plan.errorBound);
  yield 'resamples';
  const resamples = dayResamples({
    days: holdout.days,
    replicates: bootstrapReplicates,
    seed: plan.seed,
  });
  const work: HoldoutWork = { holdout, plan, resamples };
  const candidate = yield* prepareAll(work, 'candidate', {
    scores: holdout.candidate,
    ...computeWidth(holdout.classes),
  });
  const measured = {
    replicates: resamples.replicates,
    metrics: yield* measureAll(work, candidate, { scores: holdout.candidate }),
    ...(holdout.classes !== undefined && { classes: yield* measureClasses(work, holdout.classes) }),
    fit: yield* fitInTurn(holdout),
    counterparts: {
      champion: yield* measureCounterpart(work, candidate, holdout.counterparts.champion),
      baseline: yield* measureCounterpart(work, candidate, holdout.counterparts.baseline),
    },
  };
  const anchors: Record<string, CounterpartEvidence> = {};
  for (const [version, scored] of Object.entries(holdout.anchors))
    anchors[version] = yield* measureCounterpart(work, candidate, scored);
  return Object.keys(anchors).length === 0 ? measured : { ...measured, anchors };
}

function* fitInTurn(holdout: ScoredHoldout): Generator<string, ModelFit | null> {
  yield 'fit';
  return measureFit(holdout);
}

/** The given rows of a holdout, before its days are numbered. */
export function selectRows(
  whole: Omit<ScoredHoldout, 'day' | 'days'>,
  rows: Int32Array,
): Omit<ScoredHoldout, 'day' | 'days'> {
  const part = (values: Float64Array, width = 1) => scoresOfRows(values, rows, width);
  const scoredPart = (of: ScoredCounterpart): ScoredCounterpart =>
    of.kind === 'scored' ? { ...of, scores: part(of.scores, of.width) } : of;
  const slicePart = (of: SliceColumn): SliceColumn =>
    of.kind === 'coded'
      ? { ...of, codes: Int32Array.from(rows, (row) => of.codes[row] ?? -1) }
      : of;
  return {
    ...whole,
    labels: part(whole.labels),
    candidate: part(whole.candidate, whole.classes?.length),
    counterparts: {
      champion: scoredPart(whole.counterparts.champion),
      baseline: scoredPart(whole.counterparts.baseline),
    },
    anchors: Object.fromEntries(
      Object.entries(whole.anchors).map(([version, of]) => [version, scoredPart(of)]),
    ),
    sliceColumns: Object.fromEntries(
      Object.entries(whole.sliceColumns).map(([name, column]) => [name, slicePart(column)]),
    ),
  };
}

/** Statistics over the whole holdout, or the reason why there is none. */
type Prepared = ReadonlyMap<MetricName, DayStatistic | string>;

function* prepareAll(
  { holdout, plan }: HoldoutWork,
  who: string,
  scored: Scores,
): Generator<string, Prepared> {
  const { task, labels, day, days } = holdout;
  const sample: ScoredSample = { labels, day, days, ...scored };
  const unscored = unscoredRows(sample.scores, sample.width ?? 1);
  const prepared = new Map<MetricName, DayStatistic | string>();
  for (const name of plan.metrics) {
    yield `${who}: ${name}`;
    const metric = metrics[name];
    if (!metric.tasks.includes(task))
      prepared.set(
        name,
        `${name} is a metric of ${metric.tasks.join(' and ')}, but the task is ${task}`,
      );
    // Dropping rows that a model cannot score would favour it (I10).
    else if (unscored > 0)
      prepared.set(
        name,
        `${who}: ${unscored} of ${labels.length} holdout rows have no finite score`,
      );
    else prepared.set(name, metric.prepare(sample));
  }
  return prepared;
}

interface MeasuredScores extends Omit<ErrorRows, 'labels'> {
  readonly history?: MeasurementPlan['history'];
}

function* measureAll(
  { holdout, plan, resamples }: HoldoutWork,
  prepared: Prepared,
  { scores, others, history = {} }: MeasuredScores,
): Generator<string, Measurements> {
  const measured: Partial<Record<MetricName, Measurement>> = {};
  for (const [name, statistic] of prepared) {
    yield name;
    measured[name] =
      typeof statistic === 'string'
        ? { kind: 'notMeasured', reason: statistic, estimate: null }
        : measure({
            what: name,
            statistic,
            resamples,
            levels: plan.levels,
            unit: plan.unit,
            rows: holdout.labels.length,
            days: holdout.days,
            judged: plan.judged,
            history: history[name],
            heavyTail:
              holdout.task === 'regression'
                ? heavyTailIn(name, { labels: holdout.labels, scores, others })
                : null,
          }).measurement;
  }
  return measured;
}

function* measureCounterpart(
  work: HoldoutWork,
  candidate: Prepared,
  counterpart: ScoredCounterpart,
): Generator<string, CounterpartEvidence> {
  if (counterpart.kind !== 'scored') return counterpart;
  const { name, manifest } = counterpart;
  const theirs = yield* prepareAll(work, name, readScores(counterpart));
  const { slices, history } = work.plan;
  // Later candidates are compared with champions too, so only their days are a history.
  const isChampion = counterpart === work.holdout.counterparts.champion;
  const compared = increases(candidate, theirs);
  const measured = yield* measureAll(work, compared, {
    scores: work.holdout.candidate,
    others: counterpart.scores,
    ...(isChampion && history && { history }),
  });
  return {
    kind: 'measured',
    name,
    manifest,
    metrics: yield* measureAll(work, theirs, { scores: counterpart.scores }),
    increases: measured,
    ...(isChampion &&
      (work.plan.unit ?? 'day') === 'day' && { byDay: computeDayMetrics(work, compared) }),
    ...(work.plan.classes?.length && {
      classIncreases: yield* measureClassIncreases(work, name, readScores(counterpart)),
    }),
    slices:
      slices === null
        ? null
        : yield* measureSlices({
            ...work,
            spec: slices,
            counterpart: readScores(counterpart),
            whole: measured[slices.metric],
          }),
  };
}

/** Six digits are enough for a correlation, and keep the evidence small. */
function computeDayMetrics({ holdout }: HoldoutWork, compared: Prepared): DaysByMetric {
  const byDay: DaysByMetric = {};
  for (const [name, statistic] of compared) {
    if (typeof statistic === 'string') continue;
    const values = dayInfluences(statistic, holdout.days);
    if (values.every(Number.isFinite))
      byDay[name] = Array.from(values, (value) => Number(value.toPrecision(6)));
  }
  return byDay;
}

type DaysByMetric = Partial<Record<MetricName, readonly number[]>>;

function readScores({
  scores,
  width,
}: Extract<ScoredCounterpart, { readonly kind: 'scored' }>): Scores {
  return width === undefined ? { scores } : { scores, width };
}

function increases(candidate: Prepared, counterpart: Prepared): Prepared {
  const both = new Map<MetricName, DayStatistic | string>();
  for (const [name, own] of candidate) {
    const their = counterpart.get(name) ?? `${name} was not measured`;
    if (typeof own === 'string') both.set(name, own);
    else if (typeof their === 'string') both.set(name, their);
    else both.set(name, computeIncrease(metrics[name], own, their));
  }
  return both;
}
