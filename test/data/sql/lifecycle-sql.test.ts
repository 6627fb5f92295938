import { formatIssue } from '../../../domain/document/issue-text';
import { lifecycleSqlIssues } from '../../../data/sql/lifecycle-sql';

const parts = {
  assemble: 'sql/assemble.sql',
  features: 'sql/features.sql',
  sources: ['orders', 'stock'],
  label: 'late',
};

async function said(assemble: string, features: string): Promise<readonly string[]> {
  const issues = await lifecycleSqlIssues(parts, {
    'sql/assemble.sql': assemble,
    'sql/features.sql': features,
  });
  return issues.map(formatIssue);
}

const good = 'SELECT o.*, s.level > 3 AS late FROM orders o JOIN stock s USING (item)';
const features = 'SELECT region, amount / 2 AS half, half + 1 AS more FROM request;';

describe('SQL of a lifecycle, before there is data', () => {
  test('is accepted when only data could show errors', async () => {
    expect(await said(good, features)).toEqual([]);
  });

  test.each<[string, string, string]>([
    [
      'does not parse',
      'SELECT a,\n  FROM WHERE',
      'sql/assemble.sql:2:8 syntax error at or near "WHERE"',
    ],
    [
      'reads a table that is no source',
      'SELECT * FROM order_items',
      "sql/assemble.sql:1:15 there is no source 'order_items'; the sources are orders, stock",
    ],
    [
      'reads a file',
      "SELECT * FROM read_csv('/etc/passwd')",
      'sql/assemble.sql:1:15 read_csv() reads files; the sources are orders, stock',
    ],
    [
      'writes',
      'DELETE FROM orders',
      'sql/assemble.sql:1:1 DELETE is not allowed; write one SELECT',
    ],
    [
      'does more than select',
      `${good}; DROP TABLE orders`,
      'sql/assemble.sql contains a statement other than SELECT; write one SELECT and nothing else',
    ],
    [
      'selects twice',
      `${good}; ${good}`,
      'sql/assemble.sql contains 2 statements; only one SELECT is allowed',
    ],
    [
      'reads the clock',
      'SELECT now() AS at FROM orders',
      'sql/assemble.sql:1:8 now() reads the clock, so equal input would give different rows',
    ],
  ])('is refused when the assembly %s', async (_, assemble, issue) => {
    expect(await said(assemble, features)).toEqual([issue]);
  });

  test.each<[string, string, RegExp]>([
    [
      'aggregate',
      'SELECT avg(amount) AS a FROM request',
      /^sql\/features.sql:1:8 avg\(\) is not allowed in features/,
    ],
    [
      'read the label',
      'SELECT amount, late FROM request',
      /^sql\/features.sql:1:16 'late' must not be read: it is the label/,
    ],
    [
      'read a source',
      'SELECT amount FROM orders',
      /^sql\/features.sql:1:20 features must be computed FROM request only/,
    ],
    ['do not parse', 'SELECT amount FROM', /^sql\/features.sql:1:19 syntax error at end of input/],
  ])('is refused when the features %s', async (_, sql, issue) => {
    expect(await said(good, sql)).toEqual([expect.stringMatching(issue)]);
  });

  test('a clock function in features gets no spelling suggestion', async () => {
    expect((await said(good, 'SELECT now() AS t FROM request')).join()).not.toContain(
      'did you mean',
    );
  });

  test('gets its errors in both files at once, each at the key of the lifecycle', async () => {
    const issues = await lifecycleSqlIssues(parts, {
      'sql/assemble.sql': 'SELEC',
      'sql/features.sql': 'SELECT * FROM request',
    });
    expect(issues).toMatchObject([
      { file: 'sql/assemble.sql', pointer: '/spec/data/assemble', line: 1, column: 1 },
      { file: 'sql/features.sql', pointer: '/spec/data/features', line: 1, column: 8 },
    ]);
  });
});
