/** A monitor as the API returns it, as text for a terminal. */
import { formatSeconds } from '../../../domain/duration';
import { count, figure, interval, percent, signed } from '../../../domain/format';
import type { MonitorJson } from '../../api/monitoring/view';
import { drawSequence, type Frame } from '../rollout/sequence-drawing';
import { table, wrapped, type Paint } from '../terminal';

export interface MonitorViewOptions {
  /** Also shows the shares of each bin. */
  readonly verbose: boolean;
}

/** The most important part comes first, because a terminal may cut the rest. */
export function describeMonitor(
  monitor: MonitorJson,
  page: Frame,
  paint: Paint,
  { verbose }: MonitorViewOptions,
): string {
  const wrap = (text: string) => wrapped(text, { columns: page.columns, indent: '  ' });
  const { model, version, status, waitingFor } = monitor;
  const painted = status === 'watching' ? status : paint.yellow(status);
  const head = [
    `${paint.bold(version === 0 ? model : `${model}@${version}`)}  ${painted}`,
    ...(waitingFor === null
      ? []
      : wrap(paint.yellow(`${status === 'off' ? 'off' : 'lacks'}: ${waitingFor}`))),
  ];
  if (status === 'off') return head.join('\n');
  return [
    ...head,
    ...wrap(trafficText(monitor)),
    '',
    ...alarmLines(monitor, paint).flatMap(wrap),
    '',
    ...qualityLines(monitor, page, paint),
    ...estimateLines(monitor, paint),
    '',
    ...driftLines(monitor, page, paint),
    ...dataLines(monitor, paint),
    '',
    ...serviceLines(monitor, page),
    ...skewLines(monitor),
    ...fallbackLines(monitor).flatMap(wrap),
    ...unknownLines(monitor, paint).flatMap(wrap),
    ...(verbose ? [...jumpLines(monitor), ...binLines(monitor)] : []),
  ].join('\n');
}

function trafficText({ rows, labels, eventNow, lookedAt, settings }: MonitorJson): string {
  const at = eventNow === null ? '' : `, event time ${eventNow}`;
  const looked = lookedAt === null ? 'has not looked yet' : `looked at ${lookedAt}`;
  const every = settings === null ? '' : `, at most every ${formatSeconds(settings.everySeconds)}`;
  return `${count(rows)} requests, ${count(labels)} labels${at}; ${looked}${every}`;
}

function alarmLines({ alarms }: MonitorJson, paint: Paint): readonly string[] {
  if (alarms.length === 0) return [paint.green('no alarm is open')];
  return alarms.flatMap(({ title, since, triggers }) => [
    paint.red(`alarm: ${title}, since ${since}`),
    `  triggers ${triggers}`,
  ]);
}

function qualityLines({ quality }: MonitorJson, page: Frame, paint: Paint): readonly string[] {
  if (quality === null) return ['live quality: no label that is due yet'];
  const { metric, n, estimate, lower, upper, reference, limit, bias, slices, history } = quality;
  const against = reference === null ? '' : `; holdout ${figure(reference)}`;
  const band = interval({ lower, upper }, figure);
  const drawing = drawSequence(
    {
      history,
      limit: limit ?? estimate,
      limitName: limit === null ? 'mean' : 'limit',
      unit: 'labels',
    },
    page,
    paint,
  );
  const sliceRows = slices
    .slice(0, slicesShown)
    .map(({ slice, n: labels, estimate: mean }) => [slice, figure(mean), count(labels)]);
  return [
    `live ${metric} ${figure(estimate)} (${band}), ${count(n)} labels of four weeks${against}` +
      (bias === null ? '' : `; bias ${signed(bias)}`),
    ...drawing,
    ...(sliceRows.length === 0
      ? []
      : table(['SLICE', metric.toUpperCase(), 'LABELS'], sliceRows).split('\n')),
  ];
}

function estimateLines({ estimate }: MonitorJson, paint: Paint): readonly string[] {
  if (estimate === null) return [];
  const { metric, loss, rows, from, until } = estimate;
  return [
    paint.dim(
      `estimated ${metric} without labels ${figure(loss)}, ${count(rows)} requests from ${from} to ${until}`,
    ),
  ];
}

const slicesShown = 5;
const barWidth = 20;

function driftLines({ drift }: MonitorJson, { columns }: Frame, paint: Paint): readonly string[] {
  if (drift.length === 0) return ['drift: not measured'];
  const width = Math.max(8, Math.min(barWidth, columns - 60));
  const rows = drift.map(
    ({ feature, role, effect, tolerance, scale, meanShift, signals, jump }) => {
      const isOpen = signals.some(({ since }) => since !== null) || jump?.alarm != null;
      const isForJumps = jump?.limits.some((limit) => limit.tolerance !== null) ?? false;
      return [
        role === 'score' ? '(predictions)' : feature,
        percent(effect),
        bar(effect, tolerance, width),
        tolerance === null ? (isForJumps ? 'only jumps' : 'not tested') : percent(tolerance),
        scale,
        meanShift === null ? '' : `${signed(meanShift)} sd`,
        isOpen ? 'ALARM' : '',
      ];
    },
  );
  const [header = '', ...lines] = table(
    ['DRIFT OF', 'EFFECT', '', 'TOLERANCE', 'BY', 'MEAN', ''],
    rows,
  ).split('\n');
  return [
    paint.dim(header),
    ...lines.map((line) => (line.endsWith('ALARM') ? paint.red(line) : line)),
  ];
}

/** The effect as a bar, with the tolerance as a mark. */
function bar(effect: number, tolerance: number | null, width: number): string {
  const filled = Math.round(Math.min(1, effect) * width);
  const mark = tolerance === null ? -1 : Math.min(width - 1, Math.floor(tolerance * width));
  return Array.from({ length: width }, (_, index) =>
    index === mark ? '┊' : index < filled ? '█' : '·',
  ).join('');
}

/** Features with more missing or unusual values than the reference, and refused requests. */
function dataLines({ drift, refused }: MonitorJson, paint: Paint): readonly string[] {
  const broken = drift.flatMap(({ feature, role, scale, signals }) =>
    role !== 'feature'
      ? []
      : signals
          .filter((each) => each.scale === scale && each.kind !== 'distribution')
          .filter(({ effect }) => effect >= smallestShown)
          .map(({ kind, effect }) => `${feature} ${kind} +${percent(effect)}`),
  );
  return [
    broken.length === 0
      ? 'data quality: no feature has more missing or unusual values than the reference'
      : paint.yellow(`data quality: ${broken.join(', ')}`),
    ...(refused === null ? [] : [refusedText(refused, paint)]),
  ];
}

function refusedText(
  { rows, requests, causes, limit, since }: NonNullable<MonitorJson['refused']>,
  paint: Paint,
): string {
  const named = causes.map(
    ({ reason, column, rows: of }) =>
      `${column === null ? '' : `${column} `}${refusalText[reason]} ${count(of)}`,
  );
  const text =
    `refused requests: ${count(rows)} of ${count(requests)} (${percent(rows / Math.max(1, requests))}), ` +
    `limit ${percent(limit)}: ${named.join(', ')}`;
  return since === null ? paint.yellow(text) : paint.red(`${text} ALARM`);
}

const refusalText = {
  'wrong-type': 'wrong type',
  missing: 'not sent',
  unknown: 'unknown column',
  malformed: 'malformed',
} as const;

const smallestShown = 0.005;
const levels = '▁▂▃▄▅▆▇█';

function serviceLines({ service }: MonitorJson, { columns }: Frame): readonly string[] {
  if (service === null) return ['service: no request yet'];
  const { rows, failed, p50Ms, p97Ms, lastReceivedAt, hours, tests } = service;
  if (hours.length === 0) return ['service: no request yet'];
  const most = Math.max(1, ...hours.map((hour) => hour.rows));
  const drawn = hours
    .slice(-Math.max(1, columns - 20))
    .map((hour) => levels[Math.min(7, Math.floor((hour.rows / most) * 8))] ?? '')
    .join('');
  return [
    `service: ${count(rows)} requests in ${hours.length} h with requests ${drawn}`,
    `  latency at most ${latency(p50Ms)} at the median, ${latency(p97Ms)} at 97 %; last answer ${lastReceivedAt ?? 'none'}`,
    `  ${count(failed)} failed requests; limits by hour: ${tests.map(serviceLimit).join(', ')}`,
  ];
}

function serviceLimit({
  measure,
  limit,
  maxMs,
}: NonNullable<MonitorJson['service']>['tests'][number]): string {
  return measure === 'failed'
    ? `${percent(limit)} failed`
    : `${percent(limit)} over ${figure(maxMs)} ms`;
}

function skewLines({ skew }: MonitorJson): readonly string[] {
  if (skew === null || skew.compared === 0) return [];
  const { agreeing, compared, maxDifference, measuredAt } = skew;
  return [
    `skew: training computes the served score of ${count(agreeing)} of ${count(compared)} requests` +
      ` (largest difference ${figure(maxDifference)}), measured at ${measuredAt}`,
  ];
}

function fallbackLines({ model, fallback, settings }: MonitorJson): readonly string[] {
  if (fallback === null) return [];
  const { former, since, n, difference, lower, needed, failure } = fallback;
  const name = `${model}@${former}`;
  if (failure !== null) return [`fallback: ${name} cannot be compared: ${failure}`];
  const seen =
    difference === null
      ? 'no label since'
      : `its ${settings?.metric ?? 'loss'} is ${figure(Math.abs(difference))} ` +
        `${difference > 0 ? 'lower' : 'higher'} on ${count(n)} labels since`;
  const bound =
    lower === null
      ? ''
      : `; by the lower bound ${figure(lower)}, it serves again above ${figure(needed)}`;
  return [`fallback: ${name}: ${seen} ${since}${bound}`];
}

function latency(milliseconds: number | null): string {
  return milliseconds === null ? 'more than 10 s' : `${figure(milliseconds)} ms`;
}

function unknownLines({ unknown }: MonitorJson, paint: Paint): readonly string[] {
  return unknown.map(({ what, why, until }) =>
    paint.dim(`not known: ${what}, because ${why}${until === null ? '' : `; known when ${until}`}`),
  );
}

/** By how much the mean of each number may change between two hours. */
function jumpLines({ drift }: MonitorJson): readonly string[] {
  return drift.flatMap(({ feature, jump }) => {
    if (jump === null) return [];
    const limits = jump.limits.map(({ span, tolerance, reason, largest }) => {
      const hours = span === 'near' ? 'within two hours' : 'over a gap of at most twelve hours';
      return tolerance === null
        ? `${hours} not tested, because ${reason ?? 'the reference does not show it'}`
        : `${hours} at most ${figure(tolerance)} (${figure(largest)} in the reference)`;
    });
    return ['', `jumps of ${feature}`, ...limits.map((limit) => `  ${limit}`)];
  });
}

function binLines({ drift }: MonitorJson): readonly string[] {
  return drift.flatMap(({ feature, role, bins }) => [
    '',
    ...table(
      [role === 'score' ? '(predictions)' : feature, 'REFERENCE', 'NOW'],
      bins
        .filter(({ reference, current }) => reference > 0 || current > 0)
        .map(({ bin, reference, current }) => [bin, percent(reference), percent(current)]),
    ).split('\n'),
  ]);
}
