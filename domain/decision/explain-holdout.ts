import type {
  ClassEvidence,
  CounterpartEvidence,
  Evidence,
  Measurement,
} from '../evaluation/evidence';
import { attemptText } from '../evaluation/attempts';
import { sampleSizeText, boundsAt } from './gates/gate';
import { count, figure, interval, formatSigned } from '../format';
import type { MetricName } from '../evaluation/metrics/names';

/** The measurements, one line per metric, with each counterpart below it. */
export function explainHoldout(evidence: Evidence): readonly string[] {
  const { attempt, judged, metrics, counterparts } = evidence;
  const beside = [
    counterparts.champion,
    counterparts.baseline,
    ...Object.values(evidence.anchors ?? {}),
  ];
  const width = Math.max(8, ...Object.keys(metrics).map((name) => name.length));
  return [
    `${holdoutText(evidence)}${attempt ? `; ${attemptText(attempt)}` : ''}`,
    ...(judged ? [`judged on ${judgedText(judged)}`] : []),
    ...(Object.entries(metrics) as [MetricName, Measurement][]).flatMap(([name, value]) => [
      `${name.padEnd(width)} ${formatMeasurement(value)}`,
      ...beside.flatMap((each) => besideLines(name, each)),
    ]),
    ...(evidence.classes ?? []).flatMap(classLines),
    ...beside.flatMap((each) =>
      each.kind === 'notMeasured' ? [`${each.name} could not be measured: ${each.reason}`] : [],
    ),
  ];
}

function holdoutText({ holdout, judged, resampling: { unit } }: Evidence): string {
  const { rows, window, groups } = holdout;
  if (unit === 'day' && window !== null) {
    return `holdout ${window.from} to ${window.until}: ${judged ? `${count(rows)} rows` : sampleSizeText(holdout)}`;
  }
  const what = groups === undefined ? 'random holdout' : `holdout of ${count(groups)} groups`;
  const size = sampleSizeText({ ...holdout, ...(unit !== 'day' && { unit }) });
  return `${what}: ${size}; differences between days are not measured`;
}

function classLines({
  class: name,
  rows,
  precision,
  recall,
  f1,
}: ClassEvidence): readonly string[] {
  return [
    `class ${name}: ${count(rows)} rows, f1 ${formatMeasurement(f1)}`,
    `  precision ${formatMeasurement(precision)}, recall ${formatMeasurement(recall)}`,
  ];
}

function judgedText({
  rows,
  days,
  weeks,
  from,
  until,
  timezone,
}: NonNullable<Evidence['judged']>): string {
  const span =
    weeks === 0
      ? 'less than a week'
      : weeks === 1
        ? 'its last week'
        : `its last ${weeks} whole weeks`;
  return `${span}, ${from} up to ${until} (${timezone}): ${sampleSizeText({ rows, days })}`;
}

function formatMeasurement(value: Measurement): string {
  if (value.kind === 'notMeasured') return `could not be measured: ${value.reason}`;
  const bounds = boundsAt(value.bounds, 0.975);
  // Two one-sided bounds at 97.5 % make the 95 % interval.
  return `${figure(value.estimate)}${bounds === null ? '' : ` (95 %: ${interval(bounds, figure)})`}`;
}

function besideLines(name: MetricName, counterpart: CounterpartEvidence): readonly string[] {
  if (counterpart.kind !== 'measured') return [];
  const [theirs, increase] = [counterpart.metrics[name], counterpart.increases[name]];
  if (theirs === undefined || increase?.kind !== 'measured') return [];
  const bounds = boundsAt(increase.bounds, 0.975);
  const shown = bounds === null ? '' : ` (95 %: ${interval(bounds)})`;
  return [
    `  ${counterpart.name} ${figure(theirs.estimate)}, difference ${formatSigned(increase.estimate)}${shown}; positive is worse`,
  ];
}
