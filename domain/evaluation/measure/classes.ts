import type { ClassEvidence, ClassIncrease, Measurement } from '../evidence';
import type { DayStatistic } from '../../statistics/day-resamples';
import { unseenShare } from '../../statistics/unseen-share';
import {
  classMetrics,
  classStatistics,
  classSupport,
  type ClassMetric,
  type ClassSupport,
} from '../metrics/multiclass';
import { unscoredRows, computeWidth, type ScoredSample } from '../metrics/sample';
import type { HoldoutWork, Scores } from './plan';
import { measure } from './measurement';

/** Precision, recall and F1 of each class of the candidate, against all other classes. */
export function* measureClasses(
  work: HoldoutWork,
  classes: readonly string[],
): Generator<string, readonly ClassEvidence[]> {
  const { labels } = work.holdout;
  const sample = buildSample(work, { scores: work.holdout.candidate, ...computeWidth(classes) });
  const prepared = prepare(sample);
  const measured: ClassEvidence[] = [];
  for (const [index, name] of classes.entries()) {
    yield `class ${name}`;
    const of = (metric: ClassMetric): Measurement => {
      const { statistic, support } = prepared(index, metric);
      return measureShare(work, {
        what: `${metric} of ${name}`,
        statistic,
        support,
        undefinedReason: undefinedReason('the candidate', metric, name),
        range: [0, 1],
      });
    };
    measured.push({
      class: name,
      rows: labels.reduce((count, label) => count + Number(label === index), 0),
      ...(Object.fromEntries(classMetrics.map((metric) => [metric, of(metric)])) as Record<
        ClassMetric,
        Measurement
      >),
    });
  }
  return measured;
}

/** The differences to a counterpart that gates ask for; positive is worse. */
export function* measureClassIncreases(
  work: HoldoutWork,
  name: string,
  counterpart: Scores,
): Generator<string, readonly ClassIncrease[]> {
  const { holdout, plan } = work;
  const { classes } = holdout;
  if (classes === undefined) return [];
  const own = prepare(buildSample(work, { scores: holdout.candidate, ...computeWidth(classes) }));
  const theirs = prepare(buildSample(work, counterpart));
  const unscored = unscoredRows(counterpart.scores, counterpart.width ?? 1);
  const measured: ClassIncrease[] = [];
  for (const { metric, class: of } of plan.classes ?? []) {
    yield `${name}: ${metric} of ${of}`;
    const index = classes.indexOf(of);
    // The gate gives the reason: a class that the labels do not have is in no evidence.
    if (index === -1) continue;
    const [mine, other] = [own(index, metric), theirs(index, metric)];
    const increase: Measurement =
      unscored > 0
        ? toUnmeasured(
            `${name}: ${unscored} of ${holdout.labels.length} holdout rows have no finite score`,
          )
        : measureShare(work, {
            what: `the difference in ${metric} of ${of}`,
            statistic: (weights) => other.statistic(weights) - mine.statistic(weights),
            support: {
              rows: Math.min(mine.support.rows, other.support.rows),
              days: Math.min(mine.support.days, other.support.days),
            },
            undefinedReason: undefinedReason(
              other.support.rows === 0 ? name : 'the candidate',
              metric,
              of,
            ),
            range: [-1, 1],
          });
    measured.push({ metric, class: of, increase });
  }
  return measured;
}

function buildSample(
  { holdout: { labels, day, days } }: HoldoutWork,
  scored: Scores,
): ScoredSample {
  return { labels, day, days, ...scored };
}

interface PreparedMetric {
  readonly statistic: DayStatistic;
  readonly support: ClassSupport;
}

function prepare(sample: ScoredSample): (index: number, metric: ClassMetric) => PreparedMetric {
  const [statistics, support] = [classStatistics(sample), classSupport(sample)];
  return (index, metric) => ({
    statistic: statistics[index]?.[metric] ?? (() => NaN),
    support: support[index]?.[metric] ?? { rows: 0, days: 0 },
  });
}

interface ShareRequest {
  readonly what: string;
  readonly statistic: DayStatistic;
  readonly support: ClassSupport;
  readonly undefinedReason: string;
  readonly range: readonly [least: number, most: number];
}

/**
 * A share of the rows of a class, or a difference of two. Days are resampled as for every metric,
 * and days without such rows do not count as days. All resamples of a few rows may agree, because
 * none of them shows the rare error. So no bound is closer to the estimate than the share of
 * events that so many rows without one leave possible (`unseenShare`).
 */
function measureShare(
  { plan, resamples }: HoldoutWork,
  { what, statistic, support, undefinedReason: reason, range: [least, most] }: ShareRequest,
): Measurement {
  if (support.rows === 0) return toUnmeasured(reason);
  const { measurement } = measure({
    what,
    statistic,
    resamples,
    levels: plan.levels,
    unit: plan.unit,
    rows: support.rows,
    days: support.days,
  });
  if (measurement.kind === 'notMeasured') return measurement;
  const { estimate } = measurement;
  const bounds = measurement.bounds.map(({ level, lower, upper }) => {
    const unseen = unseenShare(support.rows, level);
    return {
      level,
      lower: Math.max(least, Math.min(lower ?? least, estimate - unseen)),
      upper: Math.min(most, Math.max(upper ?? most, estimate + unseen)),
    };
  });
  return { ...measurement, bounds };
}

function toUnmeasured(reason: string): Measurement {
  return { kind: 'notMeasured', reason, estimate: null };
}

function undefinedReason(who: string, metric: ClassMetric, name: string): string {
  return metric === 'precision'
    ? `${who} predicts ${name} for no judged row`
    : `no judged row has the class ${name}`;
}
