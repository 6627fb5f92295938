import { count, percent } from '../format';
import { failure, type PerennialError } from '../failure';
import { columnField } from '../document/field.schema';
import type { TemplateColumn, TemplateSplit, TemplateTable } from './template';
import type { Task } from '../model/model';
import { nearest } from '../document/nearest';
import {
  mostLabelValues,
  type ColumnProfile,
  type LabelValue,
  type TableProfile,
} from '../dataset/table-profile';

export interface LifecycleInferenceInput {
  readonly profile: TableProfile;
  readonly source: Pick<TemplateTable, 'source' | 'uri' | 'format'>;
  /** As the user named the file, for messages. */
  readonly file: string;
  readonly label: string;
  readonly task: Task | null;
  /** `none`: the rows are split by a hash even where a column holds times. */
  readonly time: { readonly column: string } | 'none' | 'infer';
  readonly entity: string | null;
}

export interface InferredLifecycle {
  readonly table: TemplateTable;
  /** What was found, as name and sentence. */
  readonly found: readonly (readonly [name: string, text: string])[];
  /** What only the user can know. */
  readonly checks: readonly string[];
}

/** Fewer labelled rows leave too little in each part of the split. */
const fewestRows = 50;
/**
 * A column of texts of which more than half are different names things; it does not describe them.
 */
const mostDistinctShare = 0.5;
const mostCategories = 100;

/**
 * Reads from a table's profile which lifecycle fits it. @throws InvalidInput that names the column
 * and the option that helps.
 */
export function inferLifecycle(input: LifecycleInferenceInput): InferredLifecycle {
  const { profile, entity } = input;
  const label = columnNamed(input, input.label, '--label');
  const entityColumn = entity === null ? null : columnNamed(input, entity, '--entity');
  if (entityColumn?.name === label.name)
    throw refused(
      input,
      `--entity is the label ${label.name}`,
      'name another column, or leave --entity out',
    );
  const target = targetOf(input, label);
  const time = timeOf(input, label);
  if (time.column !== null && time.column.name === entityColumn?.name)
    throw refused(
      input,
      `--entity is the time ${time.column.name}`,
      'name another column, or leave --entity out',
    );
  const keys = [label.name, time.column?.name, entityColumn?.name];
  const leftOut = profile.columns.flatMap((column) => {
    const why = keys.includes(column.name) ? null : whyLeftOut(column, profile.rows);
    return why === null ? [] : [{ name: column.name, why }];
  });
  const kept = profile.columns.filter(({ name }) => !leftOut.some((each) => each.name === name));
  const features = kept.filter(({ name }) => !keys.includes(name));
  if (features.length === 0)
    throw refused(
      input,
      `no column is left to predict ${label.name} from`,
      'give a table with more columns',
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
        entityColumn?.name ?? 'none; --entity names the column of who or what a row belongs to',
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
    throw refused(
      input,
      `the column ${JSON.stringify(name)}, which ${option} names, has a name that lifecycles cannot use`,
      'rename it',
    );
  const known = input.profile.columns.map((column) => column.name);
  const near = nearest(name, known);
  const guess = near === null ? '' : `; did you mean ${near}?`;
  throw refused(
    input,
    `there is no column ${name}, which ${option} names${guess}`,
    `name one of ${known.join(', ')}`,
  );
}

function refused(
  { file }: Pick<LifecycleInferenceInput, 'file'>,
  detail: string,
  next: string,
): PerennialError {
  return failure('InvalidInput', `${file}: ${detail}`, { next });
}

interface InferredTarget {
  readonly task: Task;
  readonly text: string;
  /** In place of the column, when the two texts of a binary label become true and false. */
  readonly labelSql: { readonly equals: string } | null;
  /** What the contract lets through. */
  readonly values: readonly string[] | null;
  readonly checks: readonly string[];
}

function targetOf(input: LifecycleInferenceInput, label: ColumnProfile): InferredTarget {
  const { profile } = input;
  const values = profile.labelValues;
  const labelled = profile.rows - label.nulls;
  const another = 'name another column with --label';
  if (labelled === 0)
    throw refused(
      input,
      `the label ${label.name} is empty in all ${count(profile.rows)} rows`,
      another,
    );
  if (label.distinct < 2)
    throw refused(
      input,
      `the label ${label.name} is always ${values[0]?.value ?? ''}: there is nothing to learn`,
      another,
    );
  if (labelled < fewestRows)
    throw refused(
      input,
      `only ${labelled} rows have a label; a model needs ${fewestRows} or more`,
      'give a larger table',
    );
  if (label.type === 'timestamp')
    throw refused(
      input,
      `the label ${label.name} is a time`,
      'add a column to predict, such as the days until then, and name it with --label',
    );
  const task = input.task ?? inferredTask(label, values);
  const missing =
    label.nulls === 0
      ? []
      : [
          `${count(label.nulls)} of ${count(profile.rows)} rows have no ${label.name}; runs leave them out.`,
        ];
  const range = `${label.name}, ${label.type}, ${count(label.distinct)} different values`;
  switch (task) {
    case 'regression':
      if (label.type === 'string' || label.type === 'boolean')
        throw refused(
          input,
          `regression needs numbers, and the label ${label.name} is ${label.type}`,
          '--task multiclass, or another --label',
        );
      return {
        ...{ task, labelSql: null, values: null },
        text: range,
        checks: [
          ...missing,
          ...(label.type === 'integer' && label.distinct <= 20
            ? [
                `${label.name} has ${label.distinct} whole numbers. If they are names of classes, use --task multiclass.`,
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
    const next = label.type === 'boolean' ? '--task classification' : '--task regression';
    throw refused(
      input,
      `classes are texts or whole numbers, and the label ${label.name} is ${label.type}`,
      next,
    );
  }
  if (label.distinct >= mostLabelValues) {
    const next =
      label.type === 'integer'
        ? '--task regression, or join rare classes in the data'
        : 'join rare classes in the data, or name another --label';
    throw refused(
      input,
      `the label ${label.name} has ${count(label.distinct)} different values; multiclass takes 2 to 100`,
      next,
    );
  }
  const rare = values.filter(({ rows }) => rows < 30);
  return {
    ...{ task: 'multiclass', labelSql: null, values: null },
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
              )}). A run stops if none of them is among the rows to train on: join rare classes in sql/assemble.sql.`,
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
    const next = label.type === 'number' ? '--task regression' : '--task multiclass';
    throw refused(
      input,
      `classification has two classes, and the label ${label.name} has ${count(label.distinct)} different values`,
      next,
    );
  }
  const rarer = values[1]?.value ?? '';
  const positive = values.find(({ value }) => positives.test(value.trim()))?.value ?? rarer;
  return {
    ...{ task, text, labelSql: { equals: positive } },
    values: values.map(({ value }) => value),
    checks: [
      ...missing,
      `The model gives the probability that ${label.name} is ${JSON.stringify(positive)}; feedback is true or false. sql/assemble.sql says so.`,
    ],
  };
}

function shares(values: readonly LabelValue[], labelled: number): string {
  const shown = values
    .slice(0, 6)
    .map(({ value, rows }) => `${shortened(value)} ${percent(rows / labelled)}`);
  return `${shown.join(', ')}${values.length > 6 ? ', …' : ''}`;
}

interface TimeFound {
  readonly column: ColumnProfile | null;
  readonly split: TemplateSplit | null;
  readonly text: string;
  readonly checks: readonly string[];
}

/**
 * Of several columns of times the earliest is most likely when the row happened: the others are
 * known later.
 */
function timeOf(input: LifecycleInferenceInput, label: ColumnProfile): TimeFound {
  const { time, profile } = input;
  const none = { column: null, split: null, checks: [] };
  if (time === 'none') return { ...none, text: 'none, as --no-time says' };
  if (time !== 'infer') {
    const column = columnNamed(input, time.column, '--time');
    if (column.name === label.name)
      throw refused(
        input,
        `--time is the label ${label.name}`,
        'name another column, or --no-time',
      );
    if (column.type !== 'timestamp') {
      const next = 'write times year first, such as 2026-07-01T05:00:00Z, or use --no-time';
      throw refused(
        input,
        `the column ${column.name}, which --time names, holds no times but is ${column.type}`,
        next,
      );
    }
    const split = splitByTime(column);
    if (split === null)
      throw refused(
        input,
        `the column ${column.name} has too few days to split by time: ${spanText(column)}`,
        'use --no-time, or give a longer history',
      );
    return timeFound(input, column, split, '');
  }
  const written = profile.columns.filter(({ looksLikeDate }) => looksLikeDate);
  const dateHints = written.map(
    ({ name }) =>
      `${name} looks like a date but does not begin with the year, so it is read as text. Write 2026-07-01 to use it as the time.`,
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
      text: 'none: no column holds times in nearly every row; --time names one',
      checks: dateHints,
    };
  const split = splitByTime(first);
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
      : `; the earliest of ${[first.name, ...others].join(', ')}; --time names another`,
  );
}

function timeFound(
  { profile }: LifecycleInferenceInput,
  column: ColumnProfile,
  split: TemplateSplit,
  hint: string,
): TimeFound {
  return {
    ...{ column, split },
    text: `${column.name}, ${spanText(column)}${hint}`,
    checks: [
      ...(column.nulls === 0
        ? []
        : [`${count(column.nulls)} rows have no ${column.name}; runs leave them out.`]),
      `label.availableAfter is 1d: say how long after ${column.name} the label is known.`,
      `Times without an offset are read as UTC.`,
      ...(profile.columns.some(({ type, name }) => type === 'timestamp' && name !== column.name)
        ? [
            'Other columns of times are features: leave out those that are known only after the prediction.',
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

/** The longest window that a lifecycle may have, less one day. */
const mostDays = 36_524;

/**
 * Days with rows that each part needs at least; of those of the holdout, gates judge the last whole
 * weeks.
 */
const fewestDays = { tuning: 5, confirm: 5, holdout: 10 };

/** Longer parts where many days have no rows. Null when too few days would be left to train on. */
function splitByTime({ days }: ColumnProfile): TemplateSplit | null {
  const [first, last] = [days[0], days[days.length - 1]];
  if (first === undefined || last === undefined) return null;
  const span = last - first + 1;
  const usual =
    span >= 120 ? { tuning: 30, confirm: 15, holdout: 30 } : { tuning: 5, confirm: 5, holdout: 11 };
  const least = span >= 60 && span < 120 ? { tuning: 10, confirm: 7, holdout: 16 } : usual;
  let end = last + 1;
  const lengthOf = (part: keyof typeof fewestDays): number => {
    const before = days.filter((day) => day < end);
    const begin = before[before.length - fewestDays[part]] ?? first;
    // The window ends in the middle of its last day.
    const length = Math.max(least[part], end - begin + (part === 'holdout' ? 1 : 0));
    end -= length;
    return length;
  };
  const [holdout, confirm, tuning] = [lengthOf('holdout'), lengthOf('confirm'), lengthOf('tuning')];
  const daysToTrainOn = days.filter((day) => day < end).length;
  if (span < 40 || span > mostDays || daysToTrainOn < 0.35 * days.length) return null;
  return { by: 'time', tuning, confirm, holdout, window: span + 1 };
}

function drawnSplit(entity: ColumnProfile | null): TemplateSplit {
  return entity === null ? { by: 'random' } : { by: 'group', column: entity.name };
}

function splitText(split: TemplateSplit): string {
  const shares = '50 % train, 15 % tune, 10 % confirm, 25 % judge';
  switch (split.by) {
    case 'time':
      return `by time: the last ${split.holdout} days judge, ${split.confirm} before them confirm, ${split.tuning} before those tune`;
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
  if (!columnField('').safeParse(name).success) return 'Perennial keeps such names for itself';
  if (distinct === 0) return 'it is empty';
  if (distinct === 1 && nulls === 0) return 'it has one value in all rows';
  const filled = rows - nulls;
  if (isSequence) return 'it counts the rows';
  if ((type === 'integer' || type === 'string') && distinct === filled && idName.test(name))
    return 'it is another one in each row';
  if (type === 'string' && distinct > mostCategories && distinct > mostDistinctShare * filled)
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
      `${name} alone tells ${label} in every row. Leave it out if it is not known before the prediction.`,
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
  // Marks of a number are no nulls to the contract, which sees the source's text.
  const share = nulls / rows;
  return {
    ...{ name, type, maxNullShare: Math.min(1, Math.ceil(100 * share * 1.5 + 5) / 100) },
    ...(values !== null && { values: [...values, ...marks] }),
    ...(sourceType !== type && { sourceType }),
    ...(isText && marks.length > 0 && { marks }),
  };
}

/** Texts that sql/assemble.sql turns into nulls. */
function missingText({ columns }: TableProfile): readonly (readonly [string, string])[] {
  const marked = columns.filter(({ marks }) => marks.length > 0);
  if (marked.length === 0) return [];
  const marks = [...new Set(marked.flatMap((column) => column.marks))].sort();
  return [
    [
      'missing',
      `${marks.join(', ')} ${marks.length === 1 ? 'is' : 'are'} read as no value in ${marked.map(({ name }) => name).join(', ')}`,
    ],
  ];
}

function shortened(value: string): string {
  return value.length > 24 ? `${value.slice(0, 23)}…` : value;
}
