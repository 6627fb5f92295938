import type { Measurement, SliceEvidence, SliceMeasurement, SliceSpec } from '../evidence';
import { computeIncrease } from '../metrics/metric';
import { metrics } from '../metrics/metrics';
import { selectRows, unscoredRows, computeWidth, type ScoredSample } from '../metrics/sample';
import type { DayCorrelation } from '../../statistics/day-history';
import type { DayResamples } from '../../statistics/day-resamples';
import type { Interval } from '../../statistics/interval';
import { jointDeviations, type JointDeviations } from '../../statistics/simultaneous';
import type { MeasurementPlan, ScoredHoldout, SliceColumn } from './plan';
import { heavyTailIn } from './errors';
import { findMinCorrelation, measure } from './measurement';

export interface SliceWork {
  readonly holdout: ScoredHoldout;
  readonly plan: MeasurementPlan;
  readonly resamples: DayResamples;
  readonly spec: SliceSpec;
  readonly counterpart: Pick<ScoredSample, 'scores' | 'width'>;
  /** The same difference over all rows. Its correlation of days is that of the slices. */
  readonly whole: Measurement | undefined;
}

/** The difference to the counterpart in each slice, with separate and simultaneous bounds. */
export function* measureSlices(work: SliceWork): Generator<string, SliceEvidence> {
  const { holdout, resamples, spec } = work;
  const groups: Group[] = [];
  const unjudged: SliceEvidence['unjudged'][number][] = [];
  const missing: string[] = [];
  for (const column of spec.columns) {
    const values = holdout.sliceColumns[column] ?? { kind: 'missing', reason: 'it was not read' };
    if (values.kind === 'missing') {
      missing.push(`${column}: ${values.reason}`);
      continue;
    }
    for (const group of groupRows(column, values, spec.minRows)) {
      if (group.rows.length >= spec.minRows) groups.push(group);
      else unjudged.push({ column, groups: group.groups, rows: group.rows.length });
    }
  }
  const correlation = correlationIn(work);
  const joint = jointDeviations({
    replicates: resamples.replicates,
    days: resamples.days,
    correlation: correlation?.value ?? findMinCorrelation(work.plan.unit),
  });
  const measured: MeasuredGroup[] = [];
  for (const group of groups) {
    yield `${group.column}=${group.value ?? 'other'}`;
    const { measurement, drawn } = measureGroup(work, group);
    if (drawn !== null) joint.add(drawn);
    measured.push({ group, increase: measurement, interval: drawn?.interval ?? null });
  }
  const together = joint.bounds();
  return {
    ...spec,
    slices: measured.map((each) => toSliceMeasurement(each, work.plan.levels, together)),
    unjudged,
    missing,
  };
}

interface Group {
  readonly column: string;
  readonly value: string | null;
  readonly groups: number;
  readonly rows: Int32Array;
}

interface MeasuredGroup {
  readonly group: Group;
  readonly increase: SliceMeasurement['increase'];
  readonly interval: Interval | null;
}

/** One group per value with enough rows, and a last group for all others. */
function groupRows(
  column: string,
  coded: Extract<SliceColumn, { kind: 'coded' }>,
  minRows: number,
): readonly Group[] {
  const rows = coded.values.map((): number[] => []);
  coded.codes.forEach((code, row) => rows[code]?.push(row));
  const own: Group[] = [];
  const pooled: number[] = [];
  let groups = 0;
  coded.values.forEach((value, code) => {
    const its = rows[code] ?? [];
    if (its.length >= minRows) own.push({ column, value, groups: 1, rows: Int32Array.from(its) });
    else if (its.length > 0) {
      groups += 1;
      for (const row of its) pooled.push(row);
    }
  });
  own.sort((a, b) => ((a.value ?? '') < (b.value ?? '') ? -1 : 1));
  return groups === 0
    ? own
    : [...own, { column, value: null, groups, rows: Int32Array.from(pooled).sort() }];
}

function correlationIn({ whole }: SliceWork): DayCorrelation | undefined {
  return whole?.kind === 'measured' ? whole.correlation : undefined;
}

function measureGroup(work: SliceWork, group: Group) {
  const { holdout, plan, resamples, spec, counterpart } = work;
  const metric = metrics[spec.metric];
  const rows = group.rows.length;
  const own = selectPart(
    holdout,
    { scores: holdout.candidate, ...computeWidth(holdout.classes) },
    group.rows,
  );
  const theirs = selectPart(holdout, counterpart, group.rows);
  const unscored = [own, theirs].some(({ scores, width = 1 }) => unscoredRows(scores, width) > 0);
  // NaN makes `measure` report it as undefined, as for the whole holdout.
  const statistic =
    unscored || !metric.tasks.includes(holdout.task)
      ? () => NaN
      : computeIncrease(metric, metric.prepare(own), metric.prepare(theirs));
  return measure({
    what: spec.metric,
    statistic,
    resamples,
    levels: plan.levels,
    unit: plan.unit,
    rows,
    days: new Set(own.day).size,
    correlation: correlationIn(work),
    heavyTail:
      holdout.task === 'regression'
        ? heavyTailIn(spec.metric, {
            labels: own.labels,
            scores: own.scores,
            others: theirs.scores,
          })
        : null,
  });
}

function selectPart(
  { labels, day, days }: ScoredHoldout,
  scored: SliceWork['counterpart'],
  rows: Int32Array,
): ScoredSample {
  return selectRows({ labels, day, days, ...scored }, rows);
}

function toSliceMeasurement(
  { group, increase, interval }: MeasuredGroup,
  levels: readonly number[],
  together: ReturnType<JointDeviations['bounds']>,
): SliceMeasurement {
  const measured =
    interval !== null && increase.kind === 'measured' ? { interval, days: increase.days } : null;
  return {
    column: group.column,
    value: group.value,
    groups: group.groups,
    rows: group.rows.length,
    increase,
    simultaneous: measured === null ? [] : levels.map((level) => together(measured, level)),
  };
}
