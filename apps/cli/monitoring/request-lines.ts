/** Drift and data quality of the requests, as text for a terminal. */
import { count, figure, percent, formatSigned } from '../../../domain/format';
import { binProblems } from '../../../domain/monitoring/bins';
import type { MonitorJson } from '../../api/monitoring/view';
import type { Frame } from '../rollout/sequence-drawing';
import { table, type Paint } from '../terminal';
import { alarmTable } from './alarm-table';

const barWidth = 20;

export function driftLines(
  { drift }: MonitorJson,
  { columns }: Frame,
  paint: Paint,
): readonly string[] {
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
        meanShift === null ? '' : `${formatSigned(meanShift)} sd`,
        isOpen ? 'ALARM' : '',
      ];
    },
  );
  return alarmTable(['DRIFT OF', 'EFFECT', '', 'TOLERANCE', 'BY', 'MEAN', ''], rows, paint);
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
export function dataLines({ drift, refused }: MonitorJson, paint: Paint): readonly string[] {
  const broken = drift.flatMap((each) => (each.role === 'feature' ? brokenValues(each) : []));
  return [
    broken.length === 0
      ? 'data quality: no feature has more values than the reference that are missing, out of range, unseen or of another type'
      : paint.yellow(`data quality: ${broken.join(', ')}`),
    ...(refused === null ? [] : [refusedText(refused, paint)]),
  ];
}

/**
 * Values of a feature that are missing or that the reference does not hold, each kind by its name.
 * An alarm at another scale than that of the bins is named by its test.
 */
function brokenValues({
  feature,
  scale,
  bins,
  signals,
}: MonitorJson['drift'][number]): readonly string[] {
  const alarms = signals.filter(({ kind, since }) => kind !== 'distribution' && since !== null);
  const rises = binProblems.flatMap((problem) => {
    const own = bins.filter((bin) => bin.problem === problem);
    const rise = own.reduce((sum, { reference, current }) => sum + current - reference, 0);
    if (rise < smallestShown) return [];
    const kind = problem === 'missing' ? 'missing' : 'unusual';
    const isOpen = alarms.some((alarm) => alarm.kind === kind);
    return [{ kind, text: `${feature} ${problemText[problem]} +${percent(rise)}`, isOpen }];
  });
  const others = alarms.flatMap(({ kind, scale: of, effect }) =>
    rises.some((rise) => rise.kind === kind)
      ? []
      : [{ text: `${feature} ${kind} +${percent(effect)} by the ${of}`, isOpen: true }],
  );
  return [...rises, ...others].map(({ text, isOpen }) => {
    const by = isOpen ? ' ALARM' : scale === 'day' ? '' : ` by the ${scale}`;
    return `${text}${by}`;
  });
}

const problemText = {
  missing: 'missing',
  'out-of-range': 'out of range',
  unseen: 'unseen category',
  'wrong-type': 'wrong type',
} as const;

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
/** Lines with the allowed change of each numeric mean between two hours. */
export function jumpLines({ drift }: MonitorJson): readonly string[] {
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

export function binLines({ drift }: MonitorJson): readonly string[] {
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
