import type { SplitSpec } from '../dataset/split';
import { percent } from '../format';
import type { SourceDocument } from '../document/document';
import type { DocumentPath } from '../document/path';
import { isMap, formatPath, valueAt } from '../document/path';
import { formatDuration } from '../duration';
import type { Issue } from '../failure';
import { gateIssues } from '../decision/gate-checks';
import { isClassMetric } from '../evaluation/metrics/multiclass';
import { metricsOfTask } from '../evaluation/metrics/names';
import { timeSchema, writtenModelSource } from './lifecycle.schema';
import { splitSchema } from '../dataset/split.schema';
import { findFormat, readScheme } from '../dataset/source-uri';
import { tasks, type Task } from '../model/model';
import { paramsIssues } from '../training/params-size';
import { releaseIssues } from './release-checks';
import { findMinDays } from '../dataset/time-window';

/**
 * Checks across sections of a lifecycle. Each check skips sections that are invalid by themselves,
 * so that one pass lists every error once.
 */
export function crossSectionIssues(document: SourceDocument): readonly Issue[] {
  const params = ['spec', 'train', 'params'];
  return [
    ...[
      sourceIssues,
      latestIssues,
      splitIssues,
      columnIssues,
      gateIssues,
      metricIssues,
      repeatedIssues,
      releaseIssues,
    ].flatMap((check) => check(document)),
    ...paramsIssues(valueAt(document.value, params), params, document.issueAt),
  ];
}

export function sourceIssues({ value, issueAt }: SourceDocument): readonly Issue[] {
  const path = ['spec', 'data', 'sources'];
  const sources = valueAt(value, path);
  if (!isMap(sources)) return [];
  const count = Object.keys(sources).length;
  if (count === 0 || count > 32)
    return [
      issueAt(path, `${formatPath(path)} has ${count} sources`, { expected: 'one to 32 sources' }),
    ];
  return Object.entries(sources).flatMap(([name, source]) => {
    const read = writtenModelSource.safeParse(source);
    if (!read.success) return [];
    const { uri, format } = read.data;
    const told = findFormat(uri);
    if (format === undefined && told === null) {
      return [
        issueAt(
          [...path, name],
          `${formatPath([...path, name])} has no format, and its URI has no known ending`,
          {
            expected: 'format: parquet, csv or ndjson',
          },
        ),
      ];
    }
    const fixed = ['sample', 'dataset'].includes(readScheme(uri) ?? '');
    if (fixed && format !== undefined && format !== told) {
      return [
        issueAt(
          [...path, name, 'format'],
          `${formatPath([...path, name, 'format'])} cannot be ${format}: ${readScheme(uri) ?? ''}:// tables are Parquet`,
        ),
      ];
    }
    return [];
  });
}

/** `latest` is the newest event of a source, so at least one source needs a time column. */
function latestIssues({ value, issueAt }: SourceDocument): readonly Issue[] {
  const time = timeSchema.safeParse(valueAt(value, ['spec', 'data', 'time']));
  const sources = valueAt(value, ['spec', 'data', 'sources']);
  if (!time.success || time.data.until !== 'latest' || !isMap(sources)) return [];
  const read = Object.entries(sources).map(([name, source]) => ({
    name,
    source: writtenModelSource.safeParse(source),
  }));
  if (!read.every(({ source }) => source.success && source.data.time === null)) return [];
  const [first = { name: 'name' }] = read;
  return [
    issueAt(
      ['spec', 'data', 'time', 'until'],
      'spec.data.time.until is latest, but no source has a time column',
      {
        expected: `spec.data.sources.${first.name}.time, or an until such as 2013-07-01T00:00:00Z`,
      },
    ),
  ];
}

function splitIssues(document: SourceDocument): readonly Issue[] {
  const { value } = document;
  const split = splitSchema.safeParse(valueAt(value, ['spec', 'data', 'split']));
  if (!split.success) return [];
  return split.data.by === 'time'
    ? timeSplitIssues(document, split.data)
    : drawnSplitIssues(document, split.data);
}

function timeSplitIssues(
  { value, issueAt }: SourceDocument,
  { tuningDays, confirmDays, holdoutDays }: Extract<SplitSpec, { by: 'time' }>,
): readonly Issue[] {
  const written = valueAt(value, ['spec', 'data', 'time']);
  if (written === undefined) {
    return [
      issueAt(['spec', 'data'], 'spec.data.time is missing, but spec.data.split.by is time', {
        expected:
          'time: { column: …, window: … }, or split: { by: random, … } or { by: group, column: …, … } for rows without a usable time',
      }),
    ];
  }
  const time = timeSchema.safeParse(written);
  if (!time.success) return [];
  const needed = tuningDays + confirmDays + holdoutDays;
  const room = findMinDays(time.data.window);
  if (needed < room) return [];
  const window = formatDuration(time.data.window);
  return [
    issueAt(
      ['spec', 'data', 'split'],
      `spec.data.split takes ${needed} days, but the window of ${window} has ${room}: no rows are left to train on`,
      {
        expected: `less than ${room} days together, or a longer spec.data.time.window`,
      },
    ),
  ];
}

/**
 * Rows with a usable time are split by it: drawn at random, a model would be judged on rows from
 * before those it learned from.
 */
function drawnSplitIssues(
  { value, issueAt }: SourceDocument,
  split: Exclude<SplitSpec, { by: 'time' }>,
): readonly Issue[] {
  const path = ['spec', 'data', 'split'];
  const taken = split.tuning + split.confirm + split.holdout;
  const sources = valueAt(value, ['spec', 'data', 'sources']);
  const timed = isMap(sources)
    ? Object.entries(sources).filter(([, source]) => valueAt(source, ['time']) !== undefined)
    : [];
  return [
    ...(taken < 1
      ? []
      : [
          issueAt(path, `spec.data.split takes ${percent(taken)}: no rows are left to train on`, {
            expected: 'tuning, confirm and holdout that are less than 1 together',
          }),
        ]),
    ...(valueAt(value, ['spec', 'data', 'time']) === undefined
      ? []
      : [
          issueAt(
            [...path, 'by'],
            `spec.data.split.by is ${split.by}, but spec.data.time is given`,
            {
              expected: 'by: time, or no spec.data.time',
            },
          ),
        ]),
    ...timed.map(([name]) =>
      issueAt(
        ['spec', 'data', 'sources', name, 'time'],
        `spec.data.sources.${name}.time needs a window, but spec.data.time is missing`,
        {
          expected: 'no time of a source, or spec.data.time',
        },
      ),
    ),
  ];
}

/** Label, time and entity must be different columns. */
function columnIssues({ value, issueAt }: SourceDocument): readonly Issue[] {
  const paths: readonly DocumentPath[] = [
    ['spec', 'data', 'label', 'column'],
    ['spec', 'data', 'time', 'column'],
    ['spec', 'data', 'entity'],
  ];
  const columns = paths.map((path) => valueAt(value, path));
  return paths.flatMap((path, index) => {
    const first = columns.indexOf(columns[index]);
    if (columns[index] === undefined || first === index) return [];
    return [
      issueAt(path, `${formatPath(path)} is the same column as ${formatPath(paths[first] ?? [])}`),
    ];
  });
}

/**
 * All metrics must belong to one task: `train.task`, or without it the task of most metrics.
 */
function metricIssues({ value, issueAt }: SourceDocument): readonly Issue[] {
  const evaluate = ['spec', 'evaluate'];
  const gates = valueAt(value, [...evaluate, 'gates']);
  const metrics = valueAt(value, [...evaluate, 'metrics']);
  const objectives = valueAt(value, ['spec', 'tune', 'objectives']);
  const paths: readonly DocumentPath[] = [
    ...(Array.isArray(metrics) ? metrics.map((_, index) => [...evaluate, 'metrics', index]) : []),
    [...evaluate, 'slices', 'metric'],
    ['spec', 'tune', 'metric'],
    ...(Array.isArray(objectives)
      ? objectives.map((_, index) => ['spec', 'tune', 'objectives', index, 'metric'])
      : []),
    ['spec', 'canary', 'quality', 'metric'],
    ...(Array.isArray(gates)
      ? gates.map((_, index) => [...evaluate, 'gates', index, 'metric'])
      : []),
  ];
  const named = paths.flatMap((path) => {
    const metric = valueAt(value, path);
    const fitting = path.includes('gates') ? tasksOfGate(metric) : listTasks(metric);
    return fitting.length === 0 ? [] : [{ path, metric: String(metric), fitting }];
  });
  const declared = tasks.find((task) => task === valueAt(value, ['spec', 'train', 'task']));
  const task = declared ?? chooseTask(named.flatMap(({ fitting }) => fitting));
  if (task === undefined) return [];
  // A metric that only this task has explains the error best.
  const ofTask = named
    .filter(({ fitting }) => fitting.includes(task))
    .sort((a, b) => a.fitting.length - b.fitting.length);
  const because =
    declared === undefined
      ? `${formatPath(ofTask[0]?.path ?? [])} is for ${task}`
      : `spec.train.task is ${task}`;
  return named
    .filter(({ fitting }) => !fitting.includes(task))
    .map(({ path, metric }) =>
      issueAt(path, `${formatPath(path)} cannot be ${metric}: ${because}`, {
        expected: `one of ${metricsOfTask[task].join(', ')}`,
      }),
    );
}

function repeatedIssues({ value, issueAt }: SourceDocument): readonly Issue[] {
  return [
    ['spec', 'evaluate', 'metrics'],
    ['spec', 'evaluate', 'slices', 'columns'],
  ].flatMap((path) => {
    const list = valueAt(value, path);
    if (!Array.isArray(list)) return [];
    return list.flatMap((item, index) =>
      list.indexOf(item) < index
        ? [issueAt([...path, index], `${formatPath(path)} lists ${String(item)} twice`)]
        : [],
    );
  });
}

function chooseTask(fitting: readonly Task[]): Task | undefined {
  const count = (task: Task): number => fitting.filter((each) => each === task).length;
  return [...fitting].sort((a, b) => count(b) - count(a))[0];
}

/** Only gates use the metrics of one class. */
function tasksOfGate(metric: unknown): readonly Task[] {
  return typeof metric === 'string' && isClassMetric(metric) ? ['multiclass'] : listTasks(metric);
}

function listTasks(metric: unknown): readonly Task[] {
  return tasks.filter((task) => (metricsOfTask[task] as readonly unknown[]).includes(metric));
}
