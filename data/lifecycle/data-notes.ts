import { assembledParts, type AssembledPartName } from '../../domain/dataset/split';
import { openCalendar } from '../../domain/calendar';
import type { TimeWindow } from '../../domain/dataset/dataset';
import type { IssueAt } from '../../domain/document/document';
import { minDays } from '../../domain/evaluation/evidence';
import { formatIssue } from '../../domain/document/issue-text';
import type { DataSpec, TimeSpec } from '../../domain/lifecycle/lifecycle';
import type { SplitSpec } from '../../domain/dataset/split';
import { evaluatedRows } from '../../domain/evaluation/measure/whole-weeks';
import { latestWindow, splitWindow, windowEnding } from '../../domain/dataset/time-window';
import type { SourceTimes } from '../dataset/sources/convert';
import type { SourceReading } from './source-tables';

const quarterMs = 15 * 60_000;

interface TimedData extends DataSpec {
  readonly time: TimeSpec;
  readonly split: Extract<SplitSpec, { readonly by: 'time' }>;
}

interface TimedSource {
  readonly name: string;
  readonly times: SourceTimes;
}

/**
 * Problems that a run would hit today even though the files are valid: splits without rows, and a
 * holdout with fewer days than gates need. They are notes, because more data may arrive. Empty if
 * the times of the rows are unknown.
 */
export function dataNotes(
  given: DataSpec,
  readings: Readonly<Record<string, SourceReading>>,
  { judgingGate, issueAt }: { readonly judgingGate: string | null; readonly issueAt: IssueAt },
): readonly string[] {
  const { time, split } = given;
  if (time === null || split.by !== 'time') return [];
  const data = { ...given, time, split };
  const window = findWindow(data, readings);
  const sources = rowSources(data, readings);
  if (window === null || sources.length === 0) return [];
  const parts = splitTimeWindow(window, data);
  if (parts === null) return [];
  const ripeUntil = Date.parse(window.until) - data.label.availableAfterSeconds * 1000;
  const empty = assembledParts.filter((part) =>
    sources.every(({ times }) => !hasRows(times, parts[part], ripeUntil)),
  );
  if (empty.length > 0)
    return [
      formatIssue(
        issueAt(['spec', 'data', 'split'], emptyText(empty, parts, sources), {
          expected: suggestion,
        }),
      ),
    ];
  const days = Math.max(...sources.map(({ times }) => daysIn(times, parts.holdout, data)));
  if (judgingGate === null || days >= minDays) return [];
  const delay = data.label.availableAfterSeconds > 0 ? ' whose labels are known' : '';
  const detail = `the holdout has rows on ${days} whole days${delay}, so the gate ${judgingGate} cannot pass`;
  return [
    formatIssue(
      issueAt(['spec', 'data', 'split', 'holdout'], detail, {
        expected: `rows on at least ${minDays} whole days`,
      }),
    ),
  ];
}

const suggestion = 'fewer days in spec.data.split, or a longer history of data';

/** The window that `findLatestWindow` will find when the run starts. */
function findWindow(
  { sources, time }: TimedData,
  readings: Readonly<Record<string, SourceReading>>,
): TimeWindow | null {
  if (time.until !== 'latest') return windowEnding(time.until, time.window);
  const timed = sources
    .filter((source) => source.time !== null)
    .map(({ name }) => findTimes(readings[name]));
  const newest = timed.flatMap((times) => (times === null ? [] : [times.newest]));
  return newest.length === 0 || newest.length < timed.length
    ? null
    : latestWindow(newest.sort()[0] ?? '', time.window);
}

/** Sources whose time column is the event time; otherwise the only source, if it has times. */
function rowSources(
  { sources, time }: TimedData,
  readings: Readonly<Record<string, SourceReading>>,
): readonly TimedSource[] {
  const timed = sources.flatMap(({ name, time: column }) => {
    const times = findTimes(readings[name]);
    return times === null ? [] : [{ name, times, isEventTime: column === time.column }];
  });
  const named = timed.filter(({ isEventTime }) => isEventTime);
  if (named.length > 0) return named;
  return sources.length === 1 ? timed : [];
}

function findTimes(reading: SourceReading | undefined): SourceTimes | null {
  return reading?.kind === 'read' ? reading.times : null;
}

function splitTimeWindow(
  window: TimeWindow,
  { split }: TimedData,
): Readonly<Record<AssembledPartName, TimeWindow>> | null {
  try {
    return splitWindow(window, split);
  } catch {
    // The checks of the document report this.
    return null;
  }
}

function hasRows(
  { quarters, oldest, newest }: SourceTimes,
  { from, until }: TimeWindow,
  ripeUntil: number,
): boolean {
  const [begin, end] = [Date.parse(from), Math.min(Date.parse(until), ripeUntil + 1)];
  if (quarters === null) return Date.parse(oldest) < end && Date.parse(newest) >= begin;
  return quarters.some((quarter) => quarter > begin - quarterMs && quarter < end);
}

function daysIn(
  { quarters }: SourceTimes,
  holdout: TimeWindow,
  { time, label }: TimedData,
): number {
  if (quarters === null) return Infinity;
  const [begin, end] = [Date.parse(holdout.from), Date.parse(holdout.until)];
  const inside = quarters.filter((quarter) => quarter > begin - quarterMs && quarter < end);
  const calendar = openCalendar(time.timezone);
  return evaluatedRows(Float64Array.from(inside), {
    window: holdout,
    calendar,
    labelDelaySeconds: label.availableAfterSeconds,
  }).days;
}

function emptyText(
  empty: readonly AssembledPartName[],
  parts: Readonly<Record<AssembledPartName, TimeWindow>>,
  sources: readonly TimedSource[],
): string {
  const [first = 'train', ...others] = empty;
  const { from, until } = parts[first];
  const named =
    others.length === 0
      ? `the ${first} split (${from} to ${until}) has`
      : `the splits ${empty.join(', ')} have`;
  const ranges = sources.map(
    ({ name, times }) => `${name} has rows from ${times.oldest} to ${times.newest}`,
  );
  return `${named} no rows: ${ranges.join(', ')}`;
}
