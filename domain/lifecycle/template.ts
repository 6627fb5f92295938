import type { Column, ColumnType } from '../dataset/dataset';
import { failure } from '../failure';
import { nameField } from '../document/field.schema';
import type { SourceFormat } from './lifecycle';
import type { Task } from '../model/model';

export interface TemplateInput {
  readonly name: string;
  readonly trainer: string;
  readonly owner?: string;
  /** The table to learn from; its columns decide what the SQL and the contract say. */
  readonly table?: TemplateTable;
}

export interface TemplateTable {
  readonly source: string;
  readonly uri: string;
  /** Where the ending of the URI does not tell it. */
  readonly format?: SourceFormat;
  /** In order; those that requests have, and the label. */
  readonly columns: readonly TemplateColumn[];
  readonly label: string;
  /** A binary label that is a text: true where it equals this. */
  readonly labelSql?: { readonly equals: string };
  /** Null where the rows have no usable time. */
  readonly time: string | null;
  /** False when all times are days. */
  readonly hasHours: boolean;
  readonly entity: string | null;
  readonly split: TemplateSplit;
  readonly task: Task;
  /** Standard deviation of the label of a regression: margins are a share of it. */
  readonly labelDeviation?: number;
  /** Columns of the source that requests do not need. */
  readonly leftOut: readonly { readonly name: string; readonly why: string }[];
  readonly minRows: number;
}

export interface TemplateColumn extends Column {
  readonly maxNullShare?: number;
  readonly values?: readonly string[];
  /** Where it is not `type`: texts that assemble.sql reads as numbers. */
  readonly sourceType?: ColumnType;
  /** Texts that assemble.sql reads as nulls. */
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

/** A table as many people have one, to be replaced by their own. */
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

/** The files of a lifecycle to start from, path → text. They pass `parseLifecycle` as they are. */
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
    .replace(/^[^a-z]+|-+$/g, '')
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
    `${JSON.stringify(name)} cannot name a lifecycle; expected ${issue.expected}${guess}`,
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
    # Each is a table of its name in assemble.sql: file://, s3://, https:// or sample://${time === null ? '' : '; time: when its rows happened'}
    sources:
      ${source}: { ${sourceKeys.join(', ')} }
    assemble: sql/assemble.sql # offline: sources → one row a request, with its label
    features: sql/features.sql # row by row: the same in training and in the gateway
    label: { column: ${yaml(label)}, availableAfter: 1d } # how long until the label is known
${timeLine(table)}${entity === null ? '' : `    entity: ${yaml(entity)} # requests of one entity get the same version during a canary\n`}    split: ${splitLine(split)}
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
  return `    time: { column: ${yaml(time)}, window: ${window}, until: latest } # latest: to the newest row; a run may be given another time\n`;
}

function splitLine(split: TemplateSplit): string {
  const shares = 'tuning: 0.15, confirm: 0.1, holdout: 0.25 }';
  switch (split.by) {
    case 'time':
      return `{ by: time, tuning: ${split.tuning}d, confirm: ${split.confirm}d, holdout: ${split.holdout}d } # after the rows to train on, in order of time`;
    case 'random':
      return `{ by: random, ${shares} # a hash draws the rows; use by: group where rows belong together`;
    case 'group':
      return `{ by: group, column: ${yaml(split.column)}, ${shares} # rows of one value stay together`;
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
  // Graphs compute in 32 bits, so predictions of large labels differ in their last digits.
  const parity =
    labelDeviation === undefined ? '' : `, tolerance: ${oneDigit(0.001 * labelDeviation)}`;
  return `    metrics: ${metrics[task]}
    gates:
      # Better than a model that knows only how often each label occurs, or its mean.
      - { name: useful, kind: superiority, metric: ${metric}, against: baseline, margin: 0 }
      # No worse than the champion by more than the margin${unit}; than the baseline when there is no champion.
      - { name: no-worse, kind: nonInferiority, metric: ${metric}, margin: ${margin} }
      - { name: parity, kind: parity${parity} } # the gateway answers as the evaluation did
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
    .map((column) => `  ${assembled(column)},\n`);
  const left = leftOut.map(({ name, why }) => `-- Left out: ${plainComment(name)} (${why}).\n`);
  const column = columns.find(({ name }) => name === label) ?? { name: label, type: 'string' };
  const target =
    labelSql === undefined
      ? assembled(column)
      : `${unmarked(column)} = ${sqlText(labelSql.equals)} AS ${sql(label)}`;
  return `-- One row a request: what is known when it is made, and the label that is known later.
-- Join other sources here, point in time: nothing may enter that is not known at the request's time. Rows without a label are left out.
${left.join('')}SELECT
${request.join('')}  ${target}
FROM ${source}
`;
}

function assembled(column: TemplateColumn): string {
  const read = unmarked(column);
  return read === sql(column.name) ? read : `${read} AS ${sql(column.name)}`;
}

/** A number that is no number is null, such as NA. */
function unmarked({ name, type, sourceType = type, marks = [] }: TemplateColumn): string {
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
    ...own.map((column, at) => featureOf(column, names[at] ?? column.name)),
    ...clock.filter((feature) => !taken.has(feature.split(' AS ')[1] ?? '')),
  ];
  return `-- Features of one request row: numbers and texts. No aggregates, joins or clock: the gateway sees one row at a time.
SELECT
${features.map((feature) => `  ${feature}`).join(',\n')}
FROM request
`;
}

function featureOf({ name, type }: Column, feature: string): string {
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

/**
 * `Culmen Length (mm)` → `culmen_length_mm`: a feature begins with a letter and has letters, digits
 * and underscores.
 */
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

/** Lower-case letters, digits and underscores, beginning with a letter. */
function plainName(text: string, otherwise: string): string {
  const plain = text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^[^a-z]+|_+$/g, '')
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
columns: # maxNullShare: 0 makes each row with a null a bad row. Also: min, max, values, pattern
${lines.join('')}otherColumns: allow
rows: { min: ${minRows} }
maxQuarantinedShare: 0.01 # more bad rows than this stop the run
`;
}

function exampleReadme(name: string, { source, uri }: TemplateTable): string {
  return `# ${name}

1. Put your table where \`lifecycle.yaml\` looks for it (\`${uri}\`), or name another place there. A timestamp says its offset, or is UTC.
2. Name your columns in \`lifecycle.yaml\` (\`label\`, \`time\`, \`entity\`), \`sql/assemble.sql\` and \`sql/features.sql\`, and what they must be like in \`contracts/${source}.yaml\`.
   A source with another name than \`${source}\` is another table in \`assemble.sql\`. Each source names its own contract.
3. \`perennial lifecycle validate ${name}\`
4. \`perennial lifecycle apply ${name}\`
5. \`perennial run start ${name} --wait\`

From a clone of Perennial the command is \`npx perennial\`. The window needs more days than \`split\` takes: there must be rows left to train on.
\`perennial lifecycle init ${name} --data file.csv --label COLUMN\` writes these files for a table of yours.
`;
}

function readmeFile(name: string, { source, uri, label, task }: TemplateTable): string {
  return `# ${name}

Predicts \`${label}\` (${task}) from the table \`${source}\` (\`${uri}\`). \`perennial lifecycle init\` wrote these files from the table.

1. Read \`lifecycle.yaml\`: how long after a row its label is known (\`label.availableAfter\`), the split and the gates.
2. Read \`sql/assemble.sql\`: no column may enter that is known only after the prediction.
3. \`perennial lifecycle plan ${name}\`
4. \`perennial lifecycle apply ${name}\`
5. \`perennial run start ${name} --wait\`
6. \`perennial model show ${name}\` prints a request to copy.

From a clone of Perennial the command is \`npx perennial\`.
`;
}

/** A JSON text is a YAML text, whatever is in it; plain words need no quotes. */
function yaml(text: string): string {
  return /^[a-z][a-z0-9_]*$/i.test(text) && !/^(true|false|null)$/i.test(text)
    ? text
    : JSON.stringify(text);
}

function sqlText(text: string): string {
  return `'${text.replace(/'/g, "''")}'`;
}

/** Quoted when it is more than a plain word, or a word of SQL itself. */
function sql(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !reserved.has(name)
    ? name
    : `"${name.replace(/"/g, '""')}"`;
}

/** `Order Items 2024.csv` → `order_items_2024`: a table's name that needs no quotes in SQL. */
export function sourceNameOf(fileName: string): string {
  const plain = plainName(fileName.replace(/\.[^.]*$/, ''), 'table_rows');
  return reserved.has(plain) || plain === 'request' ? `${plain}_rows` : plain;
}

/** The words that DuckDB reserves. */
const reserved: ReadonlySet<string> = new Set(
  (
    'all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create default deferrable desc describe distinct do else end ' +
    'except false fetch for foreign from group having in initially intersect into lambda lateral leading limit not null offset on only or order pivot pivot_longer pivot_wider ' +
    'placing primary qualify references returning select show some summarize symmetric table then to trailing true union unique unpivot using variadic when where window with'
  ).split(' '),
);
