import type { Column, ColumnType } from '../dataset/dataset';
import { failure } from '../failure';
import { nameField } from '../document/field.schema';
import type { SourceFormat } from '../dataset/source-uri';
import type { Task } from '../model/model';

export interface TemplateInput {
  readonly name: string;
  readonly trainer: string;
  readonly owner?: string;
  /** The table to learn from; SQL and contract are written for its columns. */
  readonly table?: TemplateTable;
}

export interface TemplateTable {
  readonly source: string;
  readonly uri: string;
  /** Given when the ending of the URI is not known. */
  readonly format?: SourceFormat;
  /** The columns of requests and the label, in order. */
  readonly columns: readonly TemplateColumn[];
  readonly label: string;
  /** Text that means true, for a binary label of texts. */
  readonly labelSql?: { readonly equals: string };
  /** Null when the rows have no usable time. */
  readonly time: string | null;
  /** False when all times are days. */
  readonly hasHours: boolean;
  readonly entity: string | null;
  readonly split: TemplateSplit;
  readonly task: Task;
  /** Standard deviation of a regression's label; margins are a share of it. */
  readonly labelDeviation?: number;
  /** Columns of the source that are not used, with the reason. */
  readonly leftOut: readonly { readonly name: string; readonly why: string }[];
  readonly minRows: number;
}

export interface TemplateColumn extends Column {
  readonly maxNullShare?: number;
  readonly values?: readonly string[];
  /** Given when it differs from `type`: texts that assemble.sql converts to numbers. */
  readonly sourceType?: ColumnType;
  /** Texts that assemble.sql converts to null. */
  readonly marks?: readonly string[];
}

/** Lengths in days. */
export type TemplateSplit =
  | {
      readonly by: 'time';
      readonly tuning: number;
      readonly confirm: number;
      readonly holdout: number;
      readonly window: number | '6mo';
    }
  | { readonly by: 'random' }
  | { readonly by: 'group'; readonly column: string };

/** An example table for a template without one. */
const example: TemplateTable = {
  source: 'orders',
  uri: 'file://./data/orders.csv',
  columns: [
    { name: 'ordered_at', type: 'timestamp' },
    { name: 'customer', type: 'string' },
    { name: 'channel', type: 'string' },
    { name: 'items', type: 'integer' },
    { name: 'amount', type: 'number' },
    { name: 'returned', type: 'boolean', maxNullShare: 0.5 },
  ],
  label: 'returned',
  time: 'ordered_at',
  hasHours: true,
  entity: 'customer',
  split: { by: 'time', tuning: 30, confirm: 15, holdout: 30, window: '6mo' },
  task: 'classification',
  leftOut: [],
  minRows: 1000,
};

/** The files of a new lifecycle, path → text. They pass `parseLifecycle` unchanged. */
export function lifecycleTemplate({
  name,
  trainer,
  owner = 'you@example.com',
  table = example,
}: TemplateInput): Record<string, string> {
  checkLifecycleName(name);
  return {
    'lifecycle.yaml': lifecycleFile({ name, trainer, owner, table }),
    'sql/assemble.sql': assembleFile(table),
    'sql/features.sql': featuresFile(table),
    [contractPath(table)]: contractFile(table),
    'README.md': table === example ? exampleReadme(name, table) : readmeFile(name, table),
  };
}

export function checkLifecycleName(name: string): void {
  const field = nameField('the name of the lifecycle');
  if (field.safeParse(name).success) return;
  const better = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-$/g, '')
    .slice(0, 63);
  const issue = {
    pointer: '/name',
    detail: `name cannot be ${JSON.stringify(name)}`,
    expected: field.description ?? '',
  };
  const issues = [field.safeParse(better).success ? { ...issue, didYouMean: better } : issue];
  const guess = field.safeParse(better).success ? `; did you mean ${better}?` : '';
  throw failure(
    'InvalidInput',
    `${JSON.stringify(name)} cannot be the name of a lifecycle; expected ${issue.expected}${guess}`,
    { issues },
  );
}

interface Filled {
  readonly name: string;
  readonly trainer: string;
  readonly owner: string;
  readonly table: TemplateTable;
}

function lifecycleFile({ name, trainer, owner, table }: Filled): string {
  const { source, uri, format, label, time, entity, split, task } = table;
  const sourceKeys = [
    `uri: ${yaml(uri)}`,
    ...(format === undefined ? [] : [`format: ${format}`]),
    ...(time === null ? [] : [`time: ${yaml(time)}`]),
    `contract: ${contractPath(table)}`,
  ];
  return `apiVersion: perennial.dev/v1
kind: ModelLifecycle
metadata: { name: ${name}, owner: ${yaml(owner)} }
spec:
  data:
    # Each source is a table in assemble.sql: file://, s3://, https:// or sample://${time === null ? '' : '; time: the event-time column'}
    sources:
      ${source}: { ${sourceKeys.join(', ')} }
    assemble: sql/assemble.sql # sources → one row per request, with its label
    features: sql/features.sql # features of one row, the same in training and in the gateway
    label: { column: ${yaml(label)}, availableAfter: 1d } # time until the label is known
${timeLine(table)}${entity === null ? '' : `    entity: ${yaml(entity)} # requests of one entity go to the same version in a rollout step\n`}    split: ${splitLine(split)}
  train:
    trainer: ${trainer}
    task: ${task}
    params: ${params[trainer] ?? '{}'}
    compute: { cpus: 1, memory: 2GiB, timeout: 30m }
  evaluate:
${evaluateLines(table)}  promote: { approval: { required: 0 } }
`;
}

function timeLine({ time, split }: TemplateTable): string {
  if (time === null || split.by !== 'time') return '';
  const window = split.window === '6mo' ? split.window : `${split.window}d`;
  return `    time: { column: ${yaml(time)}, window: ${window}, until: latest } # latest: up to the newest row\n`;
}

function splitLine(split: TemplateSplit): string {
  const shares = 'tuning: 0.15, confirm: 0.1, holdout: 0.25 }';
  switch (split.by) {
    case 'time':
      return `{ by: time, tuning: ${split.tuning}d, confirm: ${split.confirm}d, holdout: ${split.holdout}d } # in order of time, after the rows to train on`;
    case 'random':
      return `{ by: random, ${shares} # by a hash of each row; use by: group if several rows belong to one entity`;
    case 'group':
      return `{ by: group, column: ${yaml(split.column)}, ${shares} # rows with one value of the column stay together`;
  }
}

const params: Readonly<Record<string, string>> = {
  lightgbm: '{ learning_rate: 0.05, early_stopping_rounds: 20 }',
  logistic: '{ C: 1 }',
};

const metrics: Readonly<Record<Task, string>> = {
  classification: '[logloss, auc, brier]',
  multiclass: '[logloss, f1_macro, accuracy]',
  regression: '[mae, rmse, r2]',
};

const margins: Readonly<Record<Task, number>> = {
  classification: 0.005,
  multiclass: 0.01,
  regression: 0.01,
};

function evaluateLines({ task, labelDeviation }: TemplateTable): string {
  const metric = task === 'regression' ? 'mae' : 'logloss';
  const margin = labelDeviation === undefined ? margins[task] : oneDigit(0.02 * labelDeviation);
  const unit = task === 'regression' ? ', in the unit of the label' : '';
  // Models compute in 32 bits, so predictions of large labels differ in their last digits.
  const parity =
    labelDeviation === undefined ? '' : `, tolerance: ${oneDigit(0.001 * labelDeviation)}`;
  return `    metrics: ${metrics[task]}
    gates:
      # Better than the baseline, which predicts the frequency or the mean of the labels.
      - { name: useful, kind: superiority, metric: ${metric}, against: baseline, margin: 0 }
      # Worse than the champion by less than the margin${unit}; without a champion, than the baseline.
      - { name: no-worse, kind: nonInferiority, metric: ${metric}, margin: ${margin} }
      - { name: parity, kind: parity${parity} } # the gateway returns the evaluated predictions
`;
}

/** 0.0273 → 0.03 */
function oneDigit(value: number): number {
  return value > 0 && Number.isFinite(value) ? Number(value.toPrecision(1)) : 0.01;
}

function contractPath({ source }: TemplateTable): string {
  return `contracts/${source}.yaml`;
}

function assembleFile({ source, columns, label, labelSql, leftOut }: TemplateTable): string {
  const request = columns
    .filter((column) => column.name !== label)
    .map((column) => `  ${assembleColumn(column)},\n`);
  const left = leftOut.map(({ name, why }) => `-- Left out: ${plainComment(name)} (${why}).\n`);
  const column = columns.find(({ name }) => name === label) ?? { name: label, type: 'string' };
  const target =
    labelSql === undefined
      ? assembleColumn(column)
      : `${readUnmarked(column)} = ${sqlText(labelSql.equals)} AS ${sql(label)}`;
  return `-- One row per request: the columns known at request time, and the label.
-- Join other sources here, but only values known at request time. Rows without a label are dropped.
${left.join('')}SELECT
${request.join('')}  ${target}
FROM ${source}
`;
}

function assembleColumn(column: TemplateColumn): string {
  const read = readUnmarked(column);
  return read === sql(column.name) ? read : `${read} AS ${sql(column.name)}`;
}

/** A text that is not a number, such as NA, becomes null. */
function readUnmarked({ name, type, sourceType = type, marks = [] }: TemplateColumn): string {
  if (sourceType !== type) return `TRY_CAST(${sql(name)} AS DOUBLE)`;
  return marks.reduce((inner, mark) => `nullif(${inner}, ${sqlText(mark)})`, sql(name));
}

/** A comment ends with its line. */
function plainComment(name: string): string {
  return name.replace(/\p{C}/gu, ' ').slice(0, 128);
}

function featuresFile({ columns, label, time, hasHours, entity }: TemplateTable): string {
  const own = columns.filter(({ name }) => name !== label && name !== time && name !== entity);
  const names = featureNames(own.map(({ name }) => name));
  const taken = new Set(names.map((name) => name.toLowerCase()));
  const clock =
    time === null
      ? []
      : [...(hasHours ? [`hour(${sql(time)}) AS hour`] : []), `isodow(${sql(time)}) AS weekday`];
  const features = [
    ...own.map((column, at) => writeFeature(column, names[at] ?? column.name)),
    ...clock.filter((feature) => !taken.has(feature.split(' AS ')[1] ?? '')),
  ];
  return `-- Features of one request row. No aggregates, joins or clock: the gateway sees one row at a time.
SELECT
${features.map((feature) => `  ${feature}`).join(',\n')}
FROM request
`;
}

function writeFeature({ name, type }: Column, feature: string): string {
  const column = sql(name);
  const expressions: Readonly<Record<ColumnType, string>> = {
    string: column,
    integer: column,
    number: column,
    boolean: `CAST(${column} AS INTEGER)`,
    timestamp: `epoch(${column})`,
  };
  const expression = expressions[type];
  return expression === sql(feature) ? expression : `${expression} AS ${sql(feature)}`;
}

/** `Culmen Length (mm)` → `culmen_length_mm`: letters, digits and underscores, unique. */
function featureNames(columns: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  return columns.map((column) => {
    const plain = /^[A-Za-z][A-Za-z0-9_]{0,62}$/.test(column)
      ? column
      : plainName(column, 'feature');
    let name = plain;
    for (let n = 2; taken.has(name.toLowerCase()); n += 1) name = `${plain}_${n}`;
    taken.add(name.toLowerCase());
    return name;
  });
}

/** Lower-case letters, digits and underscores, beginning with a letter; else `otherwise`. */
function plainName(text: string, otherwise: string): string {
  const plain = text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^[^a-z]+|_$/g, '')
    .slice(0, 50);
  return plain === '' ? otherwise : plain;
}

function contractFile({ columns, time, minRows }: TemplateTable): string {
  const lines = columns.map(({ name, type, sourceType = type, maxNullShare, values }) => {
    const nulls = name === time ? 0 : maxNullShare;
    const keys = [
      `type: ${sourceType}`,
      ...(nulls === undefined ? [] : [`maxNullShare: ${nulls}`]),
      ...(values === undefined ? [] : [`values: ${JSON.stringify(values)}`]),
    ];
    return `  ${yaml(name)}: { ${keys.join(', ')} }\n`;
  });
  return `apiVersion: perennial.dev/v1
kind: Contract
columns: # maxNullShare: 0 quarantines each row with a null. Other rules: min, max, values, pattern
${lines.join('')}otherColumns: allow
rows: { min: ${minRows} }
maxQuarantinedShare: 0.01 # a run stops when more rows are quarantined
`;
}

function exampleReadme(name: string, { source, uri }: TemplateTable): string {
  return `# ${name}

1. Put your table at \`${uri}\`, or change its URI in \`lifecycle.yaml\`. Timestamps without an offset are read as UTC.
2. Write your columns into \`lifecycle.yaml\` (\`label\`, \`time\`, \`entity\`), \`sql/assemble.sql\` and \`sql/features.sql\`, and their rules into \`contracts/${source}.yaml\`.
   If you rename the source \`${source}\`, rename the table in \`assemble.sql\` too. Each source has its own contract.
3. \`perennial lifecycle validate ${name}\`
4. \`perennial lifecycle apply ${name}\`
5. \`perennial run start ${name} --wait\`

In a clone of Perennial the command is \`npx perennial\`. The window must be longer than \`split\`, so that rows are left to train on.
\`perennial lifecycle init ${name} --data file.csv --label COLUMN\` writes these files for your table.
`;
}

function readmeFile(name: string, { source, uri, label, task }: TemplateTable): string {
  return `# ${name}

Predicts \`${label}\` (${task}) from the table \`${source}\` (\`${uri}\`). \`perennial lifecycle init\` wrote these files from the table.

1. Check \`lifecycle.yaml\`: the time until the label is known (\`label.availableAfter\`), the split and the gates.
2. Check \`sql/assemble.sql\`: remove columns that are known only after the prediction.
3. \`perennial lifecycle plan ${name}\`
4. \`perennial lifecycle apply ${name}\`
5. \`perennial run start ${name} --wait\`
6. \`perennial model show ${name}\` prints a request to copy.

In a clone of Perennial the command is \`npx perennial\`.
`;
}

/** A YAML scalar: a plain word as it is, other text as JSON, which is valid YAML. */
function yaml(text: string): string {
  return /^[a-z][a-z0-9_]*$/i.test(text) && !/^(true|false|null)$/i.test(text)
    ? text
    : JSON.stringify(text);
}

function sqlText(text: string): string {
  return `'${text.replace(/'/g, "''")}'`;
}

/** An SQL identifier, quoted unless it is a plain word that is not reserved. */
function sql(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !reserved.has(name)
    ? name
    : `"${name.replace(/"/g, '""')}"`;
}

/** `Order Items 2024.csv` → `order_items_2024`: a table name that SQL need not quote. */
export function toSourceName(fileName: string): string {
  const plain = plainName(fileName.replace(/\.[^.]*$/, ''), 'table_rows');
  return reserved.has(plain) || plain === 'request' ? `${plain}_rows` : plain;
}

/** The reserved words of DuckDB. */
const reserved: ReadonlySet<string> = new Set(
  (
    'all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create default deferrable desc describe distinct do else end ' +
    'except false fetch for foreign from group having in initially intersect into lambda lateral leading limit not null offset on only or order pivot pivot_longer pivot_wider ' +
    'placing primary qualify references returning select show some summarize symmetric table then to trailing true union unique unpivot using variadic when where window with'
  ).split(' '),
);
