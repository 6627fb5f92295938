import { compileFeatureSql } from '../../../data/sql/feature-sql';
import { lifecycleSqlIssues } from '../../../data/sql/lifecycle-sql';
import { formatIssue } from '../../../domain/document/issue-text';
import { measureLongestPause } from '../../support/time/longest-pause';
import { processorTime } from '../../support/time/processor-time';

const spec = {
  assemble: 'sql/assemble.sql',
  features: 'sql/features.sql',
  sources: ['orders', 'stock'],
  label: 'late',
};
const good = {
  'sql/assemble.sql': 'SELECT * FROM orders',
  'sql/features.sql': 'SELECT amount FROM request',
};

const said = async (files: Partial<typeof good>) =>
  (await lifecycleSqlIssues(spec, { ...good, ...files })).map(formatIssue);

/** Each alias uses the previous one twice. */
function chained(length: number, name = (at: number) => `a${at}`): string {
  const links = Array.from({ length }, (_, at) =>
    at === 0 ? `amount AS ${name(0)}` : `${name(at - 1)} + ${name(at - 1)} AS ${name(at)}`,
  );
  return `SELECT ${links.join(', ')} FROM request`;
}

describe('SQL that would need minutes', () => {
  test('254 KB of columns are refused with their number and place', async () => {
    const sql = `SELECT ${Array.from({ length: 42_000 }, (_, at) => `a${at % 100}`).join(',\n')} FROM orders`;
    const { milliseconds, value } = await measureLongestPause(1_000, () =>
      said({ 'sql/assemble.sql': sql }),
    );
    expect(value).toEqual([
      expect.stringMatching(/^sql\/assemble\.sql:\d+:\d+ has more than 20,000 tokens/),
    ]);
    expect(milliseconds).toBeLessThan(1_000);
  });

  test('a long query within the limits is checked in seconds, away from the event loop', async () => {
    const sql = `SELECT ${Array.from({ length: 3_200 }, (_, at) => `o.amount + ${at}`.padEnd(48)).join(',')} FROM orders o`;
    const { milliseconds, value } = await measureLongestPause(1_000, () =>
      said({ 'sql/assemble.sql': sql }),
    );
    expect(value).toEqual([]);
    expect(milliseconds).toBeLessThan(1_000);
  });

  test('sixty comments before the SELECT are comments', async () => {
    const sql = `${'/**/'.repeat(60)}SELECT amount AS a FROM request`;
    const plan = await compileFeatureSql({ sql, request: [{ name: 'amount', type: 'number' }] });
    expect(plan.features).toEqual([{ name: 'a', type: 'float' }]);
  });

  test('sixty comments before another statement are refused at once', async () => {
    const sql = `${'/**/'.repeat(60)}INSERT INTO request VALUES (1)`;
    const { milliseconds, value } = await processorTime(() => said({ 'sql/features.sql': sql }));
    expect(value).toEqual(['sql/features.sql:1:241 INSERT is not allowed; write one SELECT']);
    expect(milliseconds).toBeLessThan(10_000);
  });

  test.each([
    ['short', chained(40)],
    ['of 256 characters', chained(40, (at) => `a${at}`.padEnd(256, 'x'))],
  ])('chained aliases, %s, are refused with the place', async (_what, sql) => {
    const { milliseconds, value } = await processorTime(() => said({ 'sql/features.sql': sql }));
    expect(value).toEqual([
      expect.stringMatching(
        /^sql\/features\.sql:1:\d+ with the feature 'a12x*' the features have more than 10,000 parts after replacing aliases/,
      ),
    ]);
    expect(milliseconds).toBeLessThan(10_000);
  });

  test('ordinary use of aliases is allowed', async () => {
    expect(await said({ 'sql/features.sql': chained(6) })).toEqual([]);
  });

  test('very deep expressions are refused, and the next text is checked', async () => {
    const sql = `SELECT ${'('.repeat(4_000)}1${' + 1)'.repeat(4_000)} AS a FROM request`;
    expect(await said({ 'sql/features.sql': sql })).toEqual([
      expect.stringMatching(/^sql\/features\.sql/),
    ]);
    expect(await said({})).toEqual([]);
  });
});
