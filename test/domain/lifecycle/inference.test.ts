import { inferLifecycle, type LifecycleInferenceInput } from '../../../domain/lifecycle/inference';
import { formatIssue } from '../../../domain/document/issue-text';
import { parseLifecycle } from '../../../domain/lifecycle/document';
import { lifecycleTemplate } from '../../../domain/lifecycle/template';
import type { ColumnProfile, LabelValue } from '../../../domain/dataset/table-profile';

const rows = 1000;

function column(name: string, changes: Partial<ColumnProfile> = {}): ColumnProfile {
  const type = changes.type ?? 'number';
  return {
    name,
    type,
    sourceType: type,
    marks: [],
    nulls: 0,
    distinct: 200,
    deviation: type === 'number' ? 5 : null,
    isSequence: false,
    looksLikeDate: false,
    days: [],
    meanTime: null,
    determinesLabel: false,
    ...changes,
  };
}

function timeColumn(name: string, days: readonly number[], meanTime = 0): ColumnProfile {
  return column(name, { type: 'timestamp', days, meanTime, distinct: 5 * days.length });
}

function consecutive(count: number, from = 20_000): readonly number[] {
  return Array.from({ length: count }, (_, day) => from + day);
}

function values(...names: readonly string[]): readonly LabelValue[] {
  return names.map((value, at) => ({ value, rows: rows / names.length - at }));
}

function infer(
  columns: readonly ColumnProfile[],
  options: Partial<LifecycleInferenceInput> & {
    readonly labelValues?: readonly LabelValue[];
    readonly rowCount?: number;
  } = {},
) {
  const { labelValues = values('1', '2', '3'), rowCount = rows, ...rest } = options;
  return inferLifecycle({
    profile: { rows: rowCount, columns, labelValues, notes: [] },
    source: { source: 'orders', uri: 'file://./data/orders.csv' },
    file: 'orders.csv',
    label: 'y',
    task: null,
    time: 'infer',
    entity: null,
    ...rest,
  });
}

function reading(columns: readonly ColumnProfile[], options: Parameters<typeof infer>[1] = {}) {
  const { table } = infer(columns, options);
  const { 'lifecycle.yaml': document = '', ...files } = lifecycleTemplate({
    name: 'orders',
    trainer: 'lightgbm',
    table,
  });
  const parsed = parseLifecycle({ document, fileName: 'lifecycle.yaml', files, folder: '/here' });
  if (!parsed.ok) throw new Error(parsed.issues.map(formatIssue).join('\n'));
  const [contract] = Object.values(parsed.contracts);
  return { spec: parsed.spec, contract, files };
}

const x = column('x');

describe('the task', () => {
  test.each<[string, Partial<ColumnProfile>, readonly LabelValue[], string]>([
    ['true and false', { type: 'boolean', distinct: 2 }, values('true', 'false'), 'classification'],
    ['0 and 1', { type: 'integer', distinct: 2 }, values('0', '1'), 'classification'],
    ['0.0 and 1.0', { type: 'number', distinct: 2 }, values('0.0', '1.0'), 'classification'],
    ['two texts', { type: 'string', distinct: 2 }, values('yes', 'no'), 'classification'],
    ['five texts', { type: 'string', distinct: 5 }, values('a', 'b', 'c', 'd', 'e'), 'multiclass'],
    ['two other whole numbers', { type: 'integer', distinct: 2 }, values('1', '2'), 'multiclass'],
    ['many whole numbers', { type: 'integer', distinct: 900 }, values('1', '2', '3'), 'regression'],
    ['numbers', { type: 'number', distinct: 900 }, values('1.5', '2.5', '3.5'), 'regression'],
  ])('of %s', (_, label, labelValues, task) => {
    expect(reading([column('y', label), x], { labelValues }).spec).toMatchObject({
      train: { task },
    });
  });

  test('of whole numbers is the one of the option', () => {
    const y = column('y', { type: 'integer', distinct: 3 });
    expect(infer([y, x], { task: 'multiclass' }).table.task).toBe('multiclass');
    expect(infer([y, x]).checks.join('\n')).toContain(
      'If they are classes, use --task multiclass.',
    );
  });

  test('of two texts is binary, with the likely positive text as true', () => {
    const y = column('y', { type: 'string', distinct: 2, marks: ['NA'] });
    const { files, contract } = reading([y, x], { labelValues: values("it's no", 'Yes') });
    expect(files['sql/assemble.sql']).toContain("nullif(y, 'NA') = 'Yes' AS y");
    expect(contract?.columns.find(({ name }) => name === 'y')?.values).toEqual([
      "it's no",
      'Yes',
      'NA',
    ]);
  });
});

describe('a table without a usable label is an error with the next step', () => {
  test.each<[string, readonly ColumnProfile[], Parameters<typeof infer>[1], RegExp, RegExp]>([
    [
      'a missing label',
      [column('amount'), x],
      { label: 'amuont' },
      /no column amuont.*did you mean amount/,
      /use one of amount, x/,
    ],
    [
      'a label with one value',
      [column('y', { distinct: 1 }), x],
      { labelValues: values('7') },
      /y is always 7/,
      /another column/,
    ],
    [
      'a label without a value',
      [column('y', { distinct: 0, nulls: rows }), x],
      {},
      /y is null in all 1,000 rows/,
      /another column/,
    ],
    [
      'few labels',
      [column('y', { nulls: rows - 20 }), x],
      {},
      /only 20 rows have a label/,
      /more labelled rows/,
    ],
    [
      'a label that is a time',
      [timeColumn('y', consecutive(10)), x],
      {},
      /y is a time/,
      /days until then/,
    ],
    [
      'a text with thousands of values',
      [column('y', { type: 'string', distinct: 900 }), x],
      { labelValues: values(...Array.from({ length: 101 }, (_, at) => `v${at}`)) },
      /y has 900 different values; multiclass allows 2 to 100/,
      /merge rare classes/,
    ],
    [
      'regression of texts',
      [column('y', { type: 'string', distinct: 3 }), x],
      { task: 'regression' },
      /regression needs numbers/,
      /multiclass/,
    ],
    [
      'classes of numbers',
      [column('y'), x],
      { task: 'multiclass' },
      /classes must be texts or whole numbers/,
      /--task regression/,
    ],
    [
      'classification of many values',
      [column('y'), x],
      { task: 'classification' },
      /classification has two classes.* 200/,
      /--task regression/,
    ],
    [
      'a time that is a text',
      [column('y'), column('at', { type: 'string' })],
      { time: { column: 'at' } },
      /--time: the column at is string, not a time/,
      /year first/,
    ],
    [
      'a time with few days',
      [column('y'), x, timeColumn('at', consecutive(12))],
      { time: { column: 'at' } },
      /too few days/,
      /--no-time/,
    ],
    [
      'an entity that is the label',
      [column('y'), x],
      { entity: 'y' },
      /--entity cannot be the label/,
      /another column/,
    ],
    [
      'no feature column',
      [column('y'), column('id', { type: 'integer', isSequence: true })],
      {},
      /there is no column to predict y from/,
      /more columns/,
    ],
  ])('%s', (_, columns, options, message, next) => {
    const error = caught(() => infer(columns, options));
    expect(error).toMatchObject({
      type: 'InvalidInput',
      next: expect.stringMatching(next) as string,
    });
    expect((error as Error).message).toMatch(message);
  });
});

function caught(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return error;
  }
}

describe('the split', () => {
  const y = column('y');

  test.each<[string, readonly number[], object]>([
    ['of a year', consecutive(365), { tuningDays: 30, confirmDays: 15, holdoutDays: 30 }],
    ['of ten weeks', consecutive(70), { tuningDays: 10, confirmDays: 7, holdoutDays: 16 }],
    ['of six weeks', consecutive(42), { tuningDays: 5, confirmDays: 5, holdoutDays: 11 }],
    [
      'of days a month apart',
      consecutive(60).map((day, at) => day + 30 * at),
      { tuningDays: 155, confirmDays: 154, holdoutDays: 281 },
    ],
  ])('by time %s', (_, days, split) => {
    expect(reading([y, x, timeColumn('at', days)], { rowCount: 10_000 }).spec).toMatchObject({
      data: { time: { column: 'at' }, split: { by: 'time', ...split } },
    });
  });

  test.each<[string, Partial<ColumnProfile>, object]>([
    ['one row a day', {}, { tuningDays: 150, confirmDays: 100, holdoutDays: 201 }],
    [
      'one label in five days',
      { nulls: 800 },
      { tuningDays: 150, confirmDays: 100, holdoutDays: 251 },
    ],
  ])('has longer parts with %s', (_, label, split) => {
    expect(
      reading([column('y', label), x, timeColumn('at', consecutive(1000))], { rowCount: 1000 })
        .spec,
    ).toMatchObject({ data: { split: { by: 'time', ...split } } });
  });

  test('is by a hash when times span too few days or are missing, or with --no-time', () => {
    const random = { data: { time: null, split: { by: 'random' } } };
    expect(reading([y, x, timeColumn('at', consecutive(20))]).spec).toMatchObject(random);
    expect(
      reading([y, x, { ...timeColumn('at', consecutive(365)), nulls: 400 }]).spec,
    ).toMatchObject(random);
    expect(
      reading([y, x, timeColumn('at', consecutive(365))], { time: 'none' }).spec,
    ).toMatchObject(random);
    // Two seasons with a gap between them: the parts that would train are too short.
    expect(
      reading([y, x, timeColumn('at', [...consecutive(12), ...consecutive(12, 20_700)])]).spec,
    ).toMatchObject(random);
  });

  test('keeps the rows of an entity together', () => {
    const { spec } = reading([y, x, column('patient', { type: 'string' })], { entity: 'patient' });
    expect(spec).toMatchObject({
      data: { entity: 'patient', split: { by: 'group', column: 'patient' } },
    });
  });

  test('uses the earliest of several time columns and names the others', () => {
    const { table, found } = infer([
      y,
      x,
      timeColumn('closed', consecutive(365), 2),
      timeColumn('opened', consecutive(365), 1),
    ]);
    expect(table.time).toBe('opened');
    expect(Object.fromEntries(found)['time']).toContain('the earliest of opened, closed');
  });
});

describe('the columns', () => {
  const y = column('y');

  test('are left out when they identify rows, are empty or constant', () => {
    const { table } = infer([
      ...[
        y,
        x,
        column('row', { type: 'integer', isSequence: true }),
        column('order_id', { type: 'string', distinct: rows }),
      ],
      ...[
        column('empty', { distinct: 0, nulls: rows }),
        column('country', { type: 'string', distinct: 1 }),
      ],
      ...[
        column('note', { type: 'string', distinct: 700 }),
        column('__kept', {}),
        column('city', { type: 'string', distinct: 40 }),
      ],
    ]);
    expect(table.leftOut.map(({ name }) => name)).toEqual([
      'row',
      'order_id',
      'empty',
      'country',
      'note',
      '__kept',
    ]);
    expect(table.columns.map(({ name }) => name)).toEqual(['y', 'x', 'city']);
  });

  test('are listed as checks when they determine the label or look like an identifier', () => {
    const { checks } = infer([
      y,
      column('y_copy', { determinesLabel: true }),
      column('customer_id', { type: 'integer' }),
    ]);
    expect(checks).toEqual([
      'y_copy alone determines y in every row. Remove it if it is not known before the prediction.',
      'customer_id looks like an identifier. If its rows belong together, use --entity "customer_id".',
    ]);
  });

  test('of numbers with missing marks are numbers for SQL and texts for the contract', () => {
    const { files, contract } = reading([
      y,
      column('Body Mass (g)', { sourceType: 'string', marks: ['NA'], nulls: 20 }),
    ]);
    expect(files['sql/assemble.sql']).toContain(
      'TRY_CAST("Body Mass (g)" AS DOUBLE) AS "Body Mass (g)"',
    );
    expect(files['sql/features.sql']).toContain('"Body Mass (g)" AS body_mass_g');
    expect(contract?.columns).toContainEqual(
      expect.objectContaining({ name: 'Body Mass (g)', type: 'string', maxNullShare: 0.08 }),
    );
  });

  test('with names that differ only in signs become features with different names', () => {
    const { files } = reading([y, column('a b'), column('a-b'), column('a_b')]);
    expect(files['sql/features.sql']).toContain(
      '"a b" AS a_b,\n  "a-b" AS a_b_2,\n  a_b AS a_b_3\n',
    );
  });
});
