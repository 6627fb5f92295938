import { count, formatSigned } from '../../../domain/format';
import type { HistoryPoint } from '../../../domain/rollout/history';
import type { Paint } from '../terminal';

/** A confidence sequence to draw over the number of observations. */
export interface SequenceChart {
  /** Oldest first. */
  readonly history: readonly HistoryPoint[];
  /** Drawn as a line with its name. */
  readonly limit: number;
  readonly limitName: string;
  /** Unit of the observations. */
  readonly unit: string;
}

export interface Frame {
  readonly columns: number;
  /** Rows of the plot without its axis. */
  readonly rows: number;
}

type DrawnMark = 'estimate' | 'limit' | 'zero' | 'band' | 'nothing';
const signs: Readonly<Record<DrawnMark, string>> = {
  estimate: '●',
  limit: '╌',
  zero: '┈',
  band: '░',
  nothing: ' ',
};

/** Draws the estimate, its bounds as a band, and the limit. Empty without any point. */
export function drawSequence(
  { history, limit, limitName, unit }: SequenceChart,
  { columns, rows }: Frame,
  paint: Paint,
): readonly string[] {
  const last = history.at(-1);
  if (last === undefined) return [];
  const scale = chooseScale(history, limit, rows);
  const labels = rowLabels(scale, limit, rows);
  const gutter = Math.max(...labels.map((label) => label.length));
  const width = Math.max(10, columns - gutter - ` ┤ ${limitName}`.length);
  const points = Array.from({ length: width }, (_, column) =>
    history.findLast(({ n }) => n <= (last.n * (column + 1)) / width),
  );
  const lines = labels.map((label, row) => {
    const marks = points.map((point) => chooseMark(point, { row, limit, scale }));
    const name = row === findRow(limit, scale) ? ` ${paint.yellow(limitName)}` : '';
    return `${label.padStart(gutter)} ┤${paintedRow(marks, paint)}${name}`.trimEnd();
  });
  const counted = `${count(last.n)} ${unit}`;
  return [
    ...lines,
    `${' '.repeat(gutter)} └${'─'.repeat(width)}`,
    `${' '.repeat(gutter)}  0${counted.padStart(width - 1)}`,
  ];
}

interface Scale {
  readonly top: number;
  /** Height of one row. */
  readonly height: number;
}

/**
 * Cuts off early bounds, which are as wide as the metric's range, so that later ones fill the plot.
 */
function chooseScale(history: readonly HistoryPoint[], limit: number, rows: number): Scale {
  const newest = history.at(-1)?.n ?? 0;
  const settled = history.filter(({ n }) => n >= newest / 2);
  const shown = [
    0,
    limit,
    ...history.filter(({ n }) => n >= newest / 10).map(({ estimate }) => estimate),
    ...settled.flatMap(({ lower, upper }) => [lower ?? 0, upper ?? 0]),
  ];
  const [low, high] = [Math.min(...shown), Math.max(...shown)];
  const pad = (high - low || 1) * 0.04;
  return { top: high + pad, height: (high - low + 2 * pad) / rows };
}

function findRow(value: number, { top, height }: Scale): number {
  return Math.floor((top - value) / height);
}

/** Labels the limit, zero, and both ends. */
function rowLabels(scale: Scale, limit: number, rows: number): readonly string[] {
  const center = (row: number): number => scale.top - (row + 0.5) * scale.height;
  return Array.from({ length: rows }, (_, row) => {
    if (row === findRow(limit, scale)) return formatSigned(limit);
    if (row === findRow(0, scale)) return '0';
    return row === 0 || row === rows - 1 ? formatSigned(Number(center(row).toPrecision(2))) : '';
  });
}

function chooseMark(
  point: HistoryPoint | undefined,
  { row, limit, scale }: { readonly row: number; readonly limit: number; readonly scale: Scale },
): DrawnMark {
  if (point && findRow(point.estimate, scale) === row) return 'estimate';
  if (row === findRow(limit, scale)) return 'limit';
  if (row === findRow(0, scale)) return 'zero';
  if (!point) return 'nothing';
  const [above, below] = [
    findRow(point.upper ?? Infinity, scale),
    findRow(point.lower ?? -Infinity, scale),
  ];
  return row >= above && row <= below ? 'band' : 'nothing';
}

function paintedRow(marks: readonly DrawnMark[], paint: Paint): string {
  const paints: Readonly<Record<DrawnMark, (text: string) => string>> = {
    estimate: paint.bold,
    limit: paint.yellow,
    zero: paint.dim,
    band: paint.dim,
    nothing: (text) => text,
  };
  let text = '';
  for (let from = 0; from < marks.length;) {
    const mark = marks[from] ?? 'nothing';
    const end = marks.findIndex((each, index) => index > from && each !== mark);
    const until = end < 0 ? marks.length : end;
    text += paints[mark](signs[mark].repeat(until - from));
    from = until;
  }
  return text;
}
