/** A monitor as the API returns it, as text for a terminal. */
import { formatSeconds } from '../../../domain/duration';
import { count, figure, percent } from '../../../domain/format';
import type { MonitorJson } from '../../api/monitoring/view';
import type { Frame } from '../rollout/sequence-drawing';
import { wrapText, type Paint } from '../terminal';
import { estimateLines, qualityLines, testLines } from './quality-lines';
import { labelLines } from './label-lines';
import { binLines, dataLines, driftLines, jumpLines } from './request-lines';
import { volumeLines } from './volume-lines';

export interface MonitorViewOptions {
  /** Also shows the tests of the quality, the limits of jumps and the shares of each bin. */
  readonly verbose: boolean;
}

/** The most important part comes first, because a terminal may cut the rest. */
export function describeMonitor(
  monitor: MonitorJson,
  page: Frame,
  paint: Paint,
  { verbose }: MonitorViewOptions,
): string {
  const wrap = (text: string) => wrapText(text, { columns: page.columns, indent: '  ' });
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
    ...volumeLines(monitor, paint),
    ...labelLines(monitor).flatMap(wrap),
    ...skewLines(monitor),
    ...fallbackLines(monitor).flatMap(wrap),
    ...unknownLines(monitor, paint).flatMap(wrap),
    ...(verbose ? [...testLines(monitor, paint), ...jumpLines(monitor), ...binLines(monitor)] : []),
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

const levels = '▁▂▃▄▅▆▇█';

function serviceLines({ service }: MonitorJson, { columns }: Frame): readonly string[] {
  if (service === null) return ['service: no request yet'];
  const { rows, failed, interrupted, p50Ms, p97Ms, lastReceivedAt, hours, tests } = service;
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
    ...(interrupted === 0
      ? []
      : [`  at most ${count(interrupted)} requests interrupted because a gateway was killed`]),
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
