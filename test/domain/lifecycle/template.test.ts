import { parse } from 'yaml';
import type { Column } from '../../../domain/dataset/dataset';
import { formatIssue } from '../../../domain/document/issue-text';
import { parseLifecycle } from '../../../domain/lifecycle/document';
import { lifecycleTemplate } from '../../../domain/lifecycle/template';
import { requireModelSpec } from '../../support/lifecycle-text';

function check(files: Readonly<Record<string, string>>) {
  const { 'lifecycle.yaml': document = '', ...others } = files;
  const parsed = parseLifecycle({
    document,
    fileName: 'lifecycle.yaml',
    files: others,
    folder: '/here',
  });
  if (!parsed.ok) throw new Error(parsed.issues.map(formatIssue).join('\n'));
  return { ...parsed, spec: requireModelSpec(parsed.spec) };
}

function caught(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return error;
  }
}

describe('a lifecycle template', () => {
  test.each(['lightgbm', 'logistic', 'baseline', 'my-own'])(
    'is valid unchanged with the trainer %s',
    (trainer) => {
      const { spec, contracts, paths } = check(lifecycleTemplate({ name: 'returns', trainer }));
      expect(spec).toMatchObject({
        name: 'returns',
        train: { trainer, task: 'classification' },
        data: { sources: [{ time: 'ordered_at' }] },
      });
      expect(Object.keys(contracts)).toEqual(['orders']);
      expect(paths).toEqual(['sql/assemble.sql', 'sql/features.sql', 'contracts/orders.yaml']);
    },
  );

  test('has the columns in its SQL', () => {
    const files = lifecycleTemplate({ name: 'returns', trainer: 'lightgbm' });
    expect(files['sql/assemble.sql']).toContain(
      'SELECT\n  ordered_at,\n  customer,\n  channel,\n  items,\n  amount,\n  returned\nFROM orders\n',
    );
    expect(files['sql/features.sql']).toContain(
      'SELECT\n  channel,\n  items,\n  amount,\n  hour(ordered_at) AS hour,\n  isodow(ordered_at) AS weekday\nFROM request\n',
    );
  });

  test('quotes the column names of a table where SQL needs it', () => {
    const columns: readonly Column[] = [
      { name: 'Zeit "lokal"', type: 'timestamp' },
      { name: 'order', type: 'string' },
      { name: 'null', type: 'number' },
      { name: 'a: b #c', type: 'boolean' },
      { name: 'seen', type: 'timestamp' },
      { name: 'hour', type: 'integer' },
      { name: 'preis in €', type: 'number' },
    ];
    const files = lifecycleTemplate({
      name: 'prices',
      trainer: 'lightgbm',
      table: {
        source: 'rows',
        uri: 'https://host/rows.parquet',
        columns,
        label: 'preis in €',
        entity: null,
        time: 'Zeit "lokal"',
        hasHours: true,
        split: { by: 'time', tuning: 10, confirm: 7, holdout: 16, window: 70 },
        task: 'regression',
        labelDeviation: 3.2,
        leftOut: [{ name: 'id', why: 'it counts the rows' }],
        minRows: 10,
      },
    });
    const { spec, contracts } = check(files);
    expect(spec.train.task).toBe('regression');
    expect(spec.data).toMatchObject({
      label: { column: 'preis in €' },
      time: { column: 'Zeit "lokal"' },
      entity: null,
    });
    expect(Object.values(contracts)[0]?.columns.map(({ name, type }) => ({ name, type }))).toEqual(
      columns,
    );
    expect(files['sql/features.sql']).toContain(
      'SELECT\n  "order",\n  "null",\n  CAST("a: b #c" AS INTEGER) AS a_b_c,\n  epoch(seen) AS seen,\n  hour,\n  isodow("Zeit ""lokal""") AS weekday\nFROM request\n',
    );
  });

  test('is valid YAML for any owner', () => {
    const files = lifecycleTemplate({ name: 'x', trainer: 'logistic', owner: 'yes: "no" # all' });
    expect(
      (parse(files['lifecycle.yaml'] ?? '') as { metadata: { owner: string } }).metadata.owner,
    ).toBe('yes: "no" # all');
  });

  test('rejects a name that a model cannot have', () => {
    const issues: readonly unknown[] = [
      expect.objectContaining({ pointer: '/name', didYouMean: 'my-returns' }),
    ];
    expect(
      caught(() => lifecycleTemplate({ name: 'My Returns!', trainer: 'lightgbm' })),
    ).toMatchObject({ type: 'InvalidInput', issues });
    expect(() => lifecycleTemplate({ name: 'Bike_Hire', trainer: 'lightgbm' })).toThrow(
      'beginning with a letter; did you mean bike-hire?',
    );
    expect(() => lifecycleTemplate({ name: '../x', trainer: 'lightgbm' })).toThrow(
      '"../x" cannot be the name of a lifecycle',
    );
  });
});
