import { count, percent } from '../format';
import { failure, type PerennialError } from '../failure';
import { columnField } from '../document/field.schema';
import type { TemplateColumn, TemplateSplit, TemplateTable } from './template';
import type { Task } from '../model/model';
import { nearestHint } from '../document/nearest';
import {
  maxLabelValues,
  type ColumnProfile,
  type LabelValue,
  type TableProfile,
} from '../dataset/table-profile';

export interface LifecycleInferenceInput {
  readonly profile: TableProfile;
  readonly source: Pick<TemplateTable, 'source' | 'uri' | 'format'>;
  /** The file as the user wrote it, for messages. */
  readonly file: string;
  readonly label: string;
  readonly task: Task | null;
  /** `none`: split the rows by a hash even if a column holds times. */
  readonly time: { readonly column: string } | 'none' | 'infer';
  readonly entity: string | null;
}

export interface InferredLifecycle {
  readonly table: TemplateTable;
  /** The findings, each with a name. */
  readonly found: readonly (readonly [name: string, text: string])[];
  /** Points that the user must check. */
  readonly checks: readonly string[];
}

/** Labelled rows below which the parts of the split are too small. */
const minRows = 50;
/** A text column with more distinct values than this share identifies rows. */
const maxDistinctShare = 0.5;
const maxCategories = 100;

/**
 * Infers a lifecycle from the profile of a table.
 *
 * @throws InvalidInput with the column, and the option to use as its next step.
 */
export function inferLifecycle(input: LifecycleInferenceInput): InferredLifecycle {
  const { profile, entity } = input;
  const label = columnNamed(input, input.label, '--label');
  const entityColumn = entity === null ? null : columnNamed(input, entity, '--entity');
  if (entityColumn?.name === label.name)
    throw refuseInput(
      input,
      `--entity cannot be the label ${label.name}`,
      'choose another column, or omit --entity',
    );
  const target = inferTarget(input, label);
  const time = inferTime(input, label);
  if (time.column !== null && time.column.name === entityColumn?.name)
    throw refuseInput(
      input,
      `--entity cannot be the time column ${time.column.name}`,
      'choose another column, or omit --entity',
    );
  const keys = [label.name, time.column?.name, entityColumn?.name];
  const leftOut = profile.columns.flatMap((column) => {
    const why = keys.includes(column.name) ? null : whyLeftOut(column, profile.rows);
    return why === null ? [] : [{ name: column.name, why }];
  });
  const kept = profile.columns.filter(({ name }) => !leftOut.some((each) => each.name === name));
  const features = kept.filter(({ name }) => !keys.includes(name));
  if (features.length === 0)
    throw refuseInput(
      input,
      `there is no column to predict ${label.name} from`,
      'use a table with more columns',
    );
  const split = time.split ?? drawnSplit(entityColumn);
  const table: TemplateTable = {
    ...input.source,
    columns: kept.map((column) =>
      templateColumn(column, profile.rows, column === label ? target.values : null),
    ),
    label: label.name,
    ...(target.labelSql !== null && { labelSql: target.labelSql }),
    time: time.column?.name ?? null,
    hasHours: time.column !== null && time.column.distinct > time.column.days.length,
    entity: entityColumn?.name ?? null,
    split,
    task: target.task,
    ...(label.deviation !== null &&
      target.task === 'regression' && { labelDeviation: label.deviation }),
    leftOut,
    minRows: Math.max(1, Math.floor(profile.rows / 2)),
  };
  return {
    table,
    found: [
      ['label', target.text],
      ['task', `${target.task}${input.task === null ? '; --task changes it' : ''}`],
      ['time', time.text],
      ['split', splitText(split)],
      [
        'entity',
        entityColumn?.name ??
          'none; set it with --entity if several rows belong to one customer or device',
      ],
      ['features', features.map(({ name }) => name).join(', ')],
      ...missingText(profile),
      ...leftOut.map(({ name, why }): readonly [string, string] => ['left out', `${name}: ${why}`]),
    ],
    checks: [
      ...features.flatMap((column) => suspicion(column, input, entityColumn)),
      ...target.checks,
      ...time.checks,
      ...profile.notes,
    ],
  };
}

function columnNamed(input: LifecycleInferenceInput, name: string, option: string): ColumnProfile {
  const found = input.profile.columns.find((column) => column.name === name);
  if (found && columnField('').safeParse(name).success) return found;
  if (found)
    throw refuseInput(
      input,
      `a lifecycle cannot use the column name ${JSON.stringify(name)}, given with ${option}`,
      'rename the column',
    );
  const known = input.profile.columns.map((column) => column.name);
  const hint = nearestHint(name, known);
  throw refuseInput(
    input,
    `there is no column ${name}, given with ${option}${hint}`,
    `use one of ${known.join(', ')}`,
  );
}

function refuseInput(
  { file }: Pick<LifecycleInferenceInput, 'file'>,
  detail: string,
  next: string,
): PerennialError {
  return failure('InvalidInput', `${file}: ${detail}`, { next });
}

interface InferredTarget {
  readonly task: Task;
  readonly text: string;
  /** Text that means true, for a binary label of two texts. */
  readonly labelSql: { readonly equals: string } | null;
  /** The values that the contract allows. */
  readonly values: readonly string[] | null;
  readonly checks: readonly string[];
}

function inferTarget(input: LifecycleInferenceInput, label: ColumnProfile): InferredTarget {
  const { profile } = input;
  const values = profile.labelValues;
  const labelled = profile.rows - label.nulls;
  const another = 'choose another column with --label';
  if (labelled === 0)
    throw refuseInput(
      input,
      `the label ${label.name} is null in all ${count(profile.rows)} rows`,
      another,
    );
  if (label.distinct < 2)
    throw refuseInput(
      input,
      `the label ${label.name} is always ${values[0]?.value ?? ''}`,
      another,
    );
  if (labelled < minRows)
    throw refuseInput(
      input,
      `only ${labelled} rows have a label; at least ${minRows} are needed`,
      'use a table with more labelled rows',
    );
  if (label.type === 'timestamp')
    throw refuseInput(
      input,
      `the label ${label.name} is a time`,
      'add a column to predict, such as the days until then, and choose it with --label',
    );
  const task = input.task ?? inferredTask(label, values);
  const missing =
    label.nulls === 0
      ? []
      : [
          `${count(label.nulls)} of ${count(profile.rows)} rows have no ${label.name}. Runs drop them.${markedLabel(label)}`,
        ];
  const range = `${label.name}, ${label.type}, ${count(label.distinct)} different values`;
  switch (task) {
    case 'regression':
      if (label.type === 'string' || label.type === 'boolean')
        throw refuseInput(
          input,
          `regression needs numbers, but the label ${label.name} is ${label.type}`,
          'use --task multiclass, or choose another column with --label',
        );
      return {
        task,
        labelSql: null,
        values: null,
        text: range,
        checks: [
          ...missing,
          ...(label.type === 'integer' && label.distinct <= 20
            ? [
                `${label.name} has ${label.distinct} different whole numbers. If they are classes, use --task multiclass.`,
              ]
            : []),
        ],
      };
    case 'multiclass':
      return multiclass(input, label, { missing, labelled });
    case 'classification':
      return binary(input, label, missing);
  }
}

/** Some tables use a word such as None for a class. */
function markedLabel({ name, type, marks }: ColumnProfile): string {
  if (type !== 'string' || marks.length === 0) return '';
  const words = marks.join(', ');
  const [verb, what] = marks.length === 1 ? ['is', 'a class'] : ['are', 'classes'];
  return ` ${words} ${verb} read as null. If ${words} ${verb} ${what}, rename ${
    marks.length === 1 ? 'it' : 'them'
  } in the column ${name} of the data and use init again.`;
}

function inferredTask({ type, distinct }: ColumnProfile, values: readonly LabelValue[]): Task {
  if (type === 'boolean') return 'classification';
  if (type === 'string') return distinct === 2 ? 'classification' : 'multiclass';
  if (values.every(({ value }) => Number(value) === 0 || Number(value) === 1))
    return 'classification';
  return type === 'integer' && distinct === 2 ? 'multiclass' : 'regression';
}

function multiclass(
  input: LifecycleInferenceInput,
  label: ColumnProfile,
  { missing, labelled }: { readonly missing: readonly string[]; readonly labelled: number },
): InferredTarget {
  const values = input.profile.labelValues;
  if (label.type !== 'string' && label.type !== 'integer') {
    const next = `use --task ${label.type === 'boolean' ? 'classification' : 'regression'}`;
    throw refuseInput(
      input,
      `classes must be texts or whole numbers, but the label ${label.name} is ${label.type}`,
      next,
    );
  }
  if (label.distinct >= maxLabelValues) {
    const next =
      label.type === 'integer'
        ? 'use --task regression, or merge rare classes in the data'
        : 'merge rare classes in the data, or choose another column with --label';
    throw refuseInput(
      input,
      `the label ${label.name} has ${count(label.distinct)} different values; multiclass allows 2 to 100`,
      next,
    );
  }
  const rare = values.filter(({ rows }) => rows < 30);
  return {
    task: 'multiclass',
    labelSql: null,
    values: null,
    text: `${label.name}, ${label.type}, ${label.distinct} classes: ${shares(values, labelled)}`,
    checks: [
      ...missing,
      ...(rare.length === 0
        ? []
        : [
            `${rare.length === 1 ? 'One class has' : `${rare.length} classes have`} fewer than 30 rows (${rare
              .slice(0, 3)
              .map(({ value, rows }) => `${value}: ${rows}`)
              .join(
                ', ',
              )}). A run stops if a class has no rows to train on. Merge rare classes in sql/assemble.sql.`,
          ]),
    ],
  };
}

const positives =
  /^(yes|y|true|t|1|positive|pos|churned|default(ed)?|fraud|bad|fail(ed|ure)?|died|dead|returned|won)$/i;

function binary(
  input: LifecycleInferenceInput,
  label: ColumnProfile,
  missing: readonly string[],
): InferredTarget {
  const values = input.profile.labelValues;
  const labelled = input.profile.rows - label.nulls;
  const task = 'classification';
  const text = `${label.name}, ${label.type}: ${shares(values, labelled)}`;
  const isZeroOne =
    label.type !== 'string' &&
    values.every(({ value }) => ['0', '1'].includes(String(Number(value))));
  if (label.type === 'boolean' || isZeroOne)
    return { task, text, labelSql: null, values: null, checks: missing };
  if (label.type !== 'string' || values.length !== 2) {
    const next = `use --task ${label.type === 'number' ? 'regression' : 'multiclass'}`;
    throw refuseInput(
      input,
      `classification has two classes, but the label ${label.name} has ${count(label.distinct)} different values`,
      next,
    );
  }
  const rarer = values[1]?.value ?? '';
  const positive = values.find(({ value }) => positives.test(value.trim()))?.value ?? rarer;
  return {
    task,
    text,
    labelSql: { equals: positive },
    values: values.map(({ value }) => value),
    checks: [
      ...missing,
      `The model predicts the probability that ${label.name} is ${JSON.stringify(positive)}. Send true or false as the label. Change this in sql/assemble.sql.`,
    ],
  };
}

function shares(values: readonly LabelValue[], labelled: number): string {
  const shown = values
    .slice(0, 6)
    .map(({ value, rows }) => `${shortenValue(value)} ${percent(rows / labelled)}`);
  return `${shown.join(', ')}${values.length > 6 ? ', …' : ''}`;
}

interface TimeFound {
  readonly column: ColumnProfile | null;
  readonly split: TemplateSplit | null;
  readonly text: string;
  readonly checks: readonly string[];
}

/** The earliest of several time columns is most likely the event time; the others are later. */
function inferTime(input: LifecycleInferenceInput, label: ColumnProfile): TimeFound {
  const { time, profile } = input;
  const labelledRows = profile.rows - label.nulls;
  const none = { column: null, split: null, checks: [] };
  if (time === 'none') return { ...none, text: 'none, because of --no-time' };
  if (time !== 'infer') {
    const column = columnNamed(input, time.column, '--time');
    if (column.name === label.name)
      throw refuseInput(
        input,
        `--time cannot be the label ${label.name}`,
        'choose another column, or use --no-time',
      );
    if (column.type !== 'timestamp') {
      const next =
        'write times with the year first, such as 2026-07-01T05:00:00Z, or use --no-time';
      throw refuseInput(
        input,
        `--time: the column ${column.name} is ${column.type}, not a time`,
        next,
      );
    }
    const split = splitByTime(column, labelledRows);
    if (split === null)
      throw refuseInput(
        input,
        `the column ${column.name} has too few days to split by time: ${spanText(column)}`,
        'use --no-time, or a table with a longer history',
      );
    return timeFound(input, column, split, '');
  }
  const written = profile.columns.filter(({ looksLikeDate }) => looksLikeDate);
  const dateHints = written.map(
    ({ name }) =>
      `${name} looks like a date but does not begin with the year, so it is text. Write it as 2026-07-01 to use it as the time.`,
  );
  const candidates = profile.columns
    .filter(
      ({ name, type, nulls }) =>
        type === 'timestamp' && name !== label.name && nulls <= 0.05 * profile.rows,
    )
    .sort((a, b) => (a.meanTime ?? Infinity) - (b.meanTime ?? Infinity));
  const [first] = candidates;
  if (first === undefined)
    return {
      ...none,
      text: 'none: no column has a time in nearly every row; choose one with --time',
      checks: dateHints,
    };
  const split = splitByTime(first, labelledRows);
  if (split === null)
    return {
      ...none,
      text: `none: ${first.name} has too few days to split by time (${spanText(first)})`,
      checks: dateHints,
    };
  const others = candidates.slice(1).map(({ name }) => name);
  return timeFound(
    input,
    first,
    split,
    others.length === 0
      ? '; --no-time ignores it'
      : `; the earliest of ${[first.name, ...others].join(', ')}; choose another with --time`,
  );
}

function timeFound(
  { profile }: LifecycleInferenceInput,
  column: ColumnProfile,
  split: TemplateSplit,
  hint: string,
): TimeFound {
  return {
    column,
    split,
    text: `${column.name}, ${spanText(column)}${hint}`,
    checks: [
      ...(column.nulls === 0
        ? []
        : [`${count(column.nulls)} rows have no ${column.name}. Runs drop them.`]),
      `label.availableAfter is 1d. Set it to the time from ${column.name} until the label is known.`,
      `Times without an offset are read as UTC.`,
      ...(profile.columns.some(({ type, name }) => type === 'timestamp' && name !== column.name)
        ? [
            'Other time columns are features. Remove those that are known only after the prediction.',
          ]
        : []),
    ],
  };
}

function spanText({ days }: ColumnProfile): string {
  const [first = 0, last = 0] = [days[0], days[days.length - 1]];
  const date = (day: number): string => new Date(day * 86_400_000).toISOString().slice(0, 10);
  return days.length === 0
    ? 'no day has rows'
    : `${date(first)} to ${date(last)}, ${count(days.length)} days with rows`;
}

/** One day less than the longest window of a lifecycle. */
const maxDays = 36_524;

/** The fewest days with rows of each part. Gates use the last whole weeks of the holdout. */
const minDays = { tuning: 5, confirm: 5, holdout: 10 };

/** Labelled rows that each part needs. With fewer rows, gates are mostly inconclusive. */
const wantedRows = { tuning: 150, confirm: 100, holdout: 200 };

/** A part gets more days for its rows only up to this share of all days, as in a random split. */
const maxShareOfDays = { tuning: 0.15, confirm: 0.1, holdout: 0.25 };

/**
 * Parts are longer when days have few labelled rows or none. Null when too few days are left to
 * train on.
 */
function splitByTime({ days }: ColumnProfile, labelledRows: number): TemplateSplit | null {
  const [first, last] = [days[0], days[days.length - 1]];
  if (first === undefined || last === undefined) return null;
  const span = last - first + 1;
  const usual =
    span >= 120 ? { tuning: 30, confirm: 15, holdout: 30 } : { tuning: 5, confirm: 5, holdout: 11 };
  const least = span >= 60 && span < 120 ? { tuning: 10, confirm: 7, holdout: 16 } : usual;
  const countDays = (part: keyof typeof minDays): number => {
    const forRows = Math.ceil((wantedRows[part] * days.length) / labelledRows);
    return Math.max(
      minDays[part],
      Math.min(forRows, Math.floor(maxShareOfDays[part] * days.length)),
    );
  };
  let end = last + 1;
  const measureLength = (part: keyof typeof minDays): number => {
    const before = days.filter((day) => day < end);
    const begin = before[before.length - countDays(part)] ?? first;
    // The window ends in the middle of its last day.
    const length = Math.max(least[part], end - begin + (part === 'holdout' ? 1 : 0));
    end -= length;
    return length;
  };
  const [holdout, confirm, tuning] = [
    measureLength('holdout'),
    measureLength('confirm'),
    measureLength('tuning'),
  ];
  const daysToTrainOn = days.filter((day) => day < end).length;
  if (span < 40 || span > maxDays || daysToTrainOn < 0.35 * days.length) return null;
  return { by: 'time', tuning, confirm, holdout, window: span + 1 };
}

function drawnSplit(entity: ColumnProfile | null): TemplateSplit {
  return entity === null ? { by: 'random' } : { by: 'group', column: entity.name };
}

function splitText(split: TemplateSplit): string {
  const shares = '50 % training, 15 % tuning, 10 % confirmation, 25 % holdout';
  switch (split.by) {
    case 'time':
      return `by time: ${split.tuning} days for tuning, then ${split.confirm} to confirm, and the last ${split.holdout} as holdout`;
    case 'random':
      return `random, by a hash of each row: ${shares}`;
    case 'group':
      return `by ${split.column}, whose rows stay together: ${shares}`;
  }
}

const idName =
  /(^|[_\s.-])(id|uuid|guid|key|index|row|rownum|nr|no)$|^(column0|unnamed: ?0|rowid|x1|\.\.\.1)$|[a-z](Id|ID)$/i;

function whyLeftOut(
  { name, type, distinct, nulls, isSequence }: ColumnProfile,
  rows: number,
): string | null {
  if (!columnField('').safeParse(name).success) return 'its name is reserved';
  if (distinct === 0) return 'it is empty';
  if (distinct === 1 && nulls === 0) return 'it has one value in all rows';
  const filled = rows - nulls;
  if (isSequence) return 'it counts the rows';
  if ((type === 'integer' || type === 'string') && distinct === filled && idName.test(name))
    return 'it has a different value in each row';
  if (type === 'string' && distinct > maxCategories && distinct > maxDistinctShare * filled)
    return `it has ${count(distinct)} different texts in ${count(filled)} rows`;
  return null;
}

function suspicion(
  column: ColumnProfile,
  { label, entity, time }: LifecycleInferenceInput,
  entityColumn: ColumnProfile | null,
): readonly string[] {
  const { name, type, determinesLabel } = column;
  if (determinesLabel)
    return [
      `${name} alone determines ${label} in every row. Remove it if it is not known before the prediction.`,
    ];
  if (
    entity === null &&
    entityColumn === null &&
    time !== 'none' &&
    idName.test(name) &&
    (type === 'integer' || type === 'string')
  )
    return [
      `${name} looks like an identifier. If its rows belong together, use --entity ${JSON.stringify(name)}.`,
    ];
  return [];
}

function templateColumn(
  column: ColumnProfile,
  rows: number,
  values: readonly string[] | null,
): TemplateColumn {
  const { name, type, nulls, sourceType, marks } = column;
  const isText = sourceType === 'string' && type === 'string';
  // The contract checks the source's text, where missing marks are not null.
  const share = nulls / rows;
  return {
    name,
    type,
    maxNullShare: Math.min(1, Math.ceil(100 * share * 1.5 + 5) / 100),
    ...(values !== null && { values: [...values, ...marks] }),
    ...(sourceType !== type && { sourceType }),
    ...(isText && marks.length > 0 && { marks }),
  };
}

/** Texts that sql/assemble.sql converts to null. */
function missingText({ columns }: TableProfile): readonly (readonly [string, string])[] {
  const marked = columns.filter(({ marks }) => marks.length > 0);
  if (marked.length === 0) return [];
  const marks = [...new Set(marked.flatMap((column) => column.marks))].sort();
  return [
    [
      'missing',
      `${marks.join(', ')} ${marks.length === 1 ? 'is' : 'are'} read as null in ${marked.map(({ name }) => name).join(', ')}`,
    ],
  ];
}

function shortenValue(value: string): string {
  return value.length > 24 ? `${value.slice(0, 23)}…` : value;
}
