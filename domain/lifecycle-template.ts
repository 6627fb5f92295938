import type { Column, ColumnType } from './dataset';
import { failure } from './failure';
import { nameField } from './field.schema';
import type { Task } from './model';

export interface TemplateInput {
  readonly name: string;
  readonly trainer: string;
  readonly owner?: string;
  /** The table to learn from; its columns decide what the SQL and the contract say. */
  readonly table?: TemplateTable;
}

interface TemplateTable {
  readonly source: string;
  readonly uri: string;
  readonly columns: readonly Column[];
  readonly label: string;
  readonly time: string;
  readonly entity: string | null;
}

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
    { name: 'returned', type: 'boolean' },
  ],
  label: 'returned',
  time: 'ordered_at',
  entity: 'customer',
};

/** The files of a lifecycle to start from, path → text. They pass `parseLifecycle` as they are. */
export function lifecycleTemplate({ name, trainer, owner = 'you@example.com', table = example }: TemplateInput): Record<string, string> {
  checkLifecycleName(name);
  const label = table.columns.find((column) => column.name === table.label);
  if (!label) throw failure('InvalidInput', `the table has no column ${table.label} to predict`);
  const task: Task = label.type === 'boolean' ? 'classification' : 'regression';
  return {
    'lifecycle.yaml': lifecycleFile({ name, trainer, owner, table, task }),
    'sql/assemble.sql': assembleFile(table),
    'sql/features.sql': featuresFile(table),
    [contractPath(table)]: contractFile(table),
    'README.md': readmeFile(name, table),
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
  const issue = { pointer: '/name', detail: `name cannot be ${JSON.stringify(name)}`, expected: field.description ?? '' };
  const issues = [field.safeParse(better).success ? { ...issue, didYouMean: better } : issue];
  const guess = field.safeParse(better).success ? `; did you mean ${better}?` : '';
  throw failure('InvalidInput', `${JSON.stringify(name)} cannot name a lifecycle; expected ${issue.expected}${guess}`, { issues });
}

interface Filled {
  readonly name: string;
  readonly trainer: string;
  readonly owner: string;
  readonly table: TemplateTable;
  readonly task: Task;
}

function lifecycleFile({ name, trainer, owner, table, task }: Filled): string {
  const entity = table.entity === null ? '' : `    entity: ${yaml(table.entity)} # what a sticky assignment sticks to\n`;
  return `apiVersion: perennial.dev/v1
kind: ModelLifecycle
metadata: { name: ${name}, owner: ${yaml(owner)} }
spec:
  data:
    # file://, s3://, https:// or sample://; each is a table of its name in assemble.sql. time: its column of times; a run reads the rows of its window
    sources:
      ${table.source}: { uri: ${yaml(table.uri)}, time: ${yaml(table.time)} }
    assemble: sql/assemble.sql # offline: sources → one row a request, with its label
    features: sql/features.sql # row by row: the same in training and in the gateway
    label: { column: ${yaml(table.label)}, availableAfter: 1d } # how long until the label is known
    time: { column: ${yaml(table.time)}, window: 6mo, until: latest } # latest: to the newest row; a run may be given another time
${entity}    split: { by: time, tuning: 30d, confirm: 15d, holdout: 30d } # after the rows to train on, in order of time
    contract: ${contractPath(table)}
  train:
    trainer: ${trainer}
    task: ${task}
    params: ${params[trainer] ?? '{}'}
    compute: { cpus: 1, memory: 2GiB, timeout: 30m }
  evaluate:
${evaluate[task]}  promote: { approval: { required: 0 } }
`;
}

const params: Readonly<Record<string, string>> = { lightgbm: '{ learning_rate: 0.05, early_stopping_rounds: 20 }', logistic: '{ C: 1 }' };

const evaluate: Readonly<Record<Task, string>> = {
  classification: `    metrics: [logloss, auc, brier]
    gates:
      - { name: useful, kind: threshold, metric: auc, min: 0.6 }
      - { name: no-worse, kind: nonInferiority, metric: logloss, margin: 0.005 } # than the champion, or the baseline when there is none
      - { name: parity, kind: parity }
      # no worse than version 1, so that small losses do not add up: { name: anchor, kind: nonInferiority, metric: logloss, against: { version: 1 }, margin: 0.01 }
`,
  multiclass: `    metrics: [logloss, f1_macro, accuracy]
    gates:
      - { name: useful, kind: threshold, metric: f1_macro, min: 0.4 }
      - { name: no-worse, kind: nonInferiority, metric: logloss, margin: 0.01 } # than the champion, or the baseline when there is none
      - { name: parity, kind: parity }
`,
  regression: `    metrics: [rmse, mae, r2]
    gates:
      - { name: useful, kind: threshold, metric: r2, min: 0.05 }
      - { name: no-worse, kind: nonInferiority, metric: mae, margin: 0.01 } # in the unit of the label; than the champion, or the baseline when there is none
      - { name: parity, kind: parity }
`,
};

function contractPath({ source }: TemplateTable): string {
  return `contracts/${source}.yaml`;
}

function assembleFile({ source, columns, label }: TemplateTable): string {
  const request = columns.filter((column) => column.name !== label).map((column) => `  ${sql(column.name)},\n`);
  return `-- One row a request: what is known when it is made, and the label that is known later.
-- Join other sources here, point in time: nothing may enter that is not known at the request's time. Rows without a label are left out.
SELECT
${request.join('')}  ${sql(label)}
FROM ${source}
`;
}

function featuresFile({ columns, label, time, entity }: TemplateTable): string {
  const own = columns.filter(({ name }) => name !== label && name !== time && name !== entity).flatMap(featureOf);
  const clock = [`hour(${sql(time)}) AS hour`, `isodow(${sql(time)}) AS weekday`];
  const taken = new Set(columns.map(({ name }) => name.toLowerCase()));
  const features = [...own, ...clock.filter((feature) => !taken.has(feature.split(' AS ')[1] ?? ''))];
  return `-- Features of one request row: numbers and texts. No aggregates, joins or clock: the gateway sees one row at a time.
SELECT
${features.map((feature) => `  ${feature}`).join(',\n')}
FROM request
`;
}

function featureOf({ name, type }: Column): readonly string[] {
  const column = sql(name);
  const byType: Readonly<Record<ColumnType, readonly string[]>> = {
    string: [column],
    integer: [column],
    number: [column],
    boolean: [`CAST(${column} AS INTEGER) AS ${column}`],
    timestamp: [`epoch(${column}) AS ${column}`],
  };
  return byType[type];
}

function contractFile({ source, columns, label, time }: TemplateTable): string {
  const lines = columns.map(({ name, type }) => {
    const nulls = name === time ? ', maxNullShare: 0' : name === label ? ', maxNullShare: 0.5' : '';
    return `  ${yaml(name)}: { type: ${type}${nulls} } # also: min, max, values, pattern\n`;
  });
  return `apiVersion: perennial.dev/v1
kind: Contract
dataset: ${source}
columns: # maxNullShare: 0 makes each row with a null a bad row
${lines.join('')}otherColumns: allow
rows: { min: 1000 }
maxQuarantinedShare: 0.01 # more bad rows than this stop the run
`;
}

function readmeFile(name: string, { source, uri }: TemplateTable): string {
  return `# ${name}

1. Put your table where \`lifecycle.yaml\` looks for it (\`${uri}\`), or name another place there. A timestamp says its offset, or is UTC.
2. Name your columns in \`lifecycle.yaml\` (\`label\`, \`time\`, \`entity\`), \`sql/assemble.sql\` and \`sql/features.sql\`, and what they must be like in \`contracts/${source}.yaml\`.
   A source with another name than \`${source}\` is another table in \`assemble.sql\` and another \`dataset\` in the contract.
3. \`perennial lifecycle validate ${name}\`
4. \`perennial lifecycle apply ${name}\`
5. \`perennial run start ${name} --wait\`

From a clone of Perennial the command is \`npx perennial\`. The window needs more days than \`split\` takes: there must be rows left to train on.
`;
}

/** A JSON text is a YAML text, whatever is in it; plain words need no quotes. */
function yaml(text: string): string {
  return /^[a-z][a-z0-9_]*$/i.test(text) && !/^(true|false|null)$/i.test(text) ? text : JSON.stringify(text);
}

/** Quoted when it is more than a plain word, or a word of SQL itself. */
function sql(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !reserved.has(name) ? name : `"${name.replace(/"/g, '""')}"`;
}

/** The words that DuckDB reserves. */
const reserved: ReadonlySet<string> = new Set(
  (
    'all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create default deferrable desc describe distinct do else end ' +
    'except false fetch for foreign from group having in initially intersect into lambda lateral leading limit not null offset on only or order pivot pivot_longer pivot_wider ' +
    'placing primary qualify references returning select show some summarize symmetric table then to trailing true union unique unpivot using variadic when where window with'
  ).split(' '),
);
