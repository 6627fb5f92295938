import fc from 'fast-check';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  stabilityIndex,
  type ReferenceVersion,
} from '../../../../data/dataset/contracts/distribution';
import {
  validateContract,
  type ContractValidation,
} from '../../../../data/dataset/contracts/validate-contract';
import { digestOfFile } from '../../../../data/digest';
import {
  logicalType,
  quoteText,
  readParquet,
  withDuckDb,
  type PlatformSql,
} from '../../../../data/sql/platform-sql';
import type {
  ColumnExpectation,
  ContractCheck,
  DataContract,
} from '../../../../domain/dataset/contract';
import type { Column } from '../../../../domain/dataset/dataset';

const limits = { memoryBytes: 512e6, threads: 2 };
let folder: string;
let files = 0;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'contract-'))));
afterEach(async () => rm(folder, { recursive: true, force: true }));

function column(name: string, more: Partial<ColumnExpectation> = {}): ColumnExpectation {
  return {
    name,
    type: 'number',
    required: true,
    maxNullShare: 1,
    min: null,
    max: null,
    values: null,
    pattern: null,
    ...more,
  };
}

function contract(more: Partial<DataContract> = {}): DataContract {
  return {
    columns: [],
    otherColumns: 'allow',
    unique: [],
    rows: { min: 1, max: null },
    maxQuarantinedShare: 0.5,
    distribution: null,
    ...more,
  };
}

interface Table {
  readonly path: string;
  readonly columns: readonly Column[];
}

async function table(query: string): Promise<Table> {
  files += 1;
  const path = join(folder, `input-${files}.parquet`);
  return withDuckDb(async (sql) => {
    await sql.run(`COPY (${query}) TO ${quoteText(path)} (FORMAT parquet)`);
    const described = await sql.rows<{ column_name: string; column_type: string }>(
      `DESCRIBE SELECT * FROM ${readParquet([path])}`,
    );
    return {
      path,
      columns: described.map((row) => ({
        name: row.column_name,
        type: logicalType(row.column_type) ?? 'string',
      })),
    };
  }, limits);
}

const halves = () => ({
  acceptedPath: join(folder, 'accepted.parquet'),
  quarantinePath: join(folder, 'quarantine.parquet'),
});

async function validate(
  { path, columns }: Table,
  expected: DataContract,
  reference: ReferenceVersion = { kind: 'none' },
  look: (sql: PlatformSql) => Promise<void> = () => Promise.resolve(),
): Promise<ContractValidation> {
  return withDuckDb(async (sql) => {
    const validated = await validateContract(sql, {
      source: 'flights',
      dataset: 'flight-delay.flights',
      contract: expected,
      files: [path],
      columns,
      reference,
      ...halves(),
    });
    await look(sql);
    return validated;
  }, limits);
}

async function read(path: string): Promise<Record<string, unknown>[]> {
  return withDuckDb(
    (sql) => sql.rows<Record<string, unknown>>(`SELECT * FROM ${readParquet([path])}`),
    limits,
  );
}

function find(
  { report }: ContractValidation,
  check: string,
  name: string | null = null,
): ContractCheck | undefined {
  return report.checks.find(
    (each) => each.check === check && (name === null || each.column === name),
  );
}

describe('a dataset that meets its contract', () => {
  test('passes, and no file is written', async () => {
    const validated = await validate(
      await table("SELECT i AS id, i / 2 AS delay, 'UA' AS carrier FROM range(10) r(i)"),
      contract({
        columns: [
          column('id', { type: 'integer', min: 0, max: 9, maxNullShare: 0 }),
          column('delay'),
          column('carrier', { type: 'string', values: ['UA', 'AA'], pattern: '[A-Z]{2}' }),
        ],
        unique: [['id']],
      }),
    );
    expect(validated).toMatchObject({
      unchanged: true,
      verdict: { kind: 'passed' },
      report: { rows: 10, accepted: 10, quarantined: 0 },
    });
    expect(validated.report.checks.map((check) => check.passed)).not.toContain(false);
    await expect(digestOfFile(halves().acceptedPath)).rejects.toThrow('ENOENT');
  });
});

describe('bad rows', () => {
  test.each<[string, string, ColumnExpectation, readonly number[], string]>([
    [
      'a null that is not allowed',
      '(1, 1.0), (2, NULL)',
      column('v', { maxNullShare: 0 }),
      [2],
      'nulls:v',
    ],
    [
      'NaN is a null',
      "(1, 1.0), (2, 'NaN'::DOUBLE)",
      column('v', { maxNullShare: 0 }),
      [2],
      'nulls:v',
    ],
    [
      'an infinity',
      "(1, 1.0), (2, 'inf'::DOUBLE), (3, '-inf'::DOUBLE)",
      column('v'),
      [2, 3],
      'finite:v',
    ],
    [
      'out of range below and above',
      '(1, 1.0), (2, -1.0), (3, 11.0)',
      column('v', { min: 0, max: 10 }),
      [2, 3],
      'range:v',
    ],
    [
      'NaN is not above the range',
      "(1, 1.0), (2, 'NaN'::DOUBLE)",
      column('v', { max: 10 }),
      [],
      '',
    ],
    [
      'a time out of range',
      "(1, TIMESTAMP '2013-01-01'), (2, TIMESTAMP '1999-01-01')",
      column('v', { type: 'timestamp', min: '2013-01-01T00:00:00Z' }),
      [2],
      'range:v',
    ],
    [
      'a time bound with an offset',
      "(1, TIMESTAMP '2013-01-01 00:30:00')",
      column('v', { type: 'timestamp', min: '2013-01-01T02:00:00+01:00' }),
      [1],
      'range:v',
    ],
    [
      'not among the values',
      "(1, 'AA'), (2, 'XX'), (3, NULL)",
      column('v', { type: 'string', values: ['AA', "it's"] }),
      [2],
      'values:v',
    ],
    [
      'a number not among the values',
      '(1, 1), (2, 7)',
      column('v', { type: 'integer', values: [1, 2] }),
      [2],
      'values:v',
    ],
    [
      'text that only partly matches',
      "(1, 'UA'), (2, 'UAL')",
      column('v', { type: 'string', pattern: '[A-Z]{2}' }),
      [2],
      'pattern:v',
    ],
    [
      'text that is not a number',
      "(1, '1.5'), (2, 'n/a'), (3, NULL), (4, 'NaN')",
      column('v'),
      [2],
      'type:v',
    ],
    [
      'text that is not an integer',
      "(1, '15'), (2, '1.5'), (3, '99999999999999999999')",
      column('v', { type: 'integer' }),
      [2, 3],
      'type:v',
    ],
    [
      'text that is not a time',
      "(1, '2013-07-01T05:00:00Z'), (2, 'yesterday')",
      column('v', { type: 'timestamp' }),
      [2],
      'type:v',
    ],
    [
      'a fraction among integers that are stored as doubles because of nulls',
      '(1, 1.0::DOUBLE), (2, 1.5::DOUBLE), (3, NULL)',
      column('v', { type: 'integer' }),
      [2],
      'type:v',
    ],
  ])('%s', async (_, values, expectation, badIds, reason) => {
    const input = await table(`SELECT id::BIGINT AS id, v FROM (VALUES ${values}) t(id, v)`);
    const validated = await validate(
      input,
      contract({ columns: [expectation], maxQuarantinedShare: 1 }),
    );
    expect(validated.report.quarantined).toBe(badIds.length);
    if (badIds.length === 0) return;
    expect(await read(halves().quarantinePath)).toEqual(
      badIds.map((id) => expect.objectContaining({ id, __reasons: reason }) as unknown),
    );
    expect(validated.reasons).toEqual({ [reason]: badIds.length });
  });

  test('converted text is numbers in the accepted rows', async () => {
    const input = await table(
      "SELECT * FROM (VALUES ('1', '2013-07-01T05:00:00+02:00'), ('x', NULL), ('-3', '2013-07-01')) t(n, seen)",
    );
    const validated = await validate(
      input,
      contract({
        columns: [column('n', { type: 'integer' }), column('seen', { type: 'timestamp' })],
      }),
    );
    expect(validated.columns).toEqual([
      { name: 'n', type: 'integer' },
      { name: 'seen', type: 'timestamp' },
    ]);
    expect(await read(halves().acceptedPath)).toEqual([
      { n: 1, seen: new Date('2013-07-01T03:00:00Z') },
      { n: -3, seen: new Date('2013-07-01T00:00:00Z') },
    ]);
    expect(validated.verdict.kind).toBe('passed');
  });

  test('with a repeated key: the first good row stays', async () => {
    const input = await table(
      'SELECT * FROM (VALUES (1, 5, 99), (1, 5, 1), (1, 5, 2), (1, 6, 3), (NULL, 6, 4), (NULL, 6, 5)) t(a, b, v)',
    );
    const validated = await validate(
      input,
      contract({
        columns: [
          column('a', { type: 'integer' }),
          column('b', { type: 'integer' }),
          column('v', { max: 10 }),
        ],
        unique: [['a', 'b']],
      }),
    );
    expect((await read(halves().quarantinePath)).map((row) => [row.v, row.__reasons])).toEqual([
      [99, 'range:v'],
      [2, 'unique:a, b'],
    ]);
    expect(find(validated, 'unique')).toMatchObject({ column: 'a, b', badRows: 1, passed: false });
  });

  test('have all their reasons', async () => {
    await validate(
      await table("SELECT 'inf'::DOUBLE AS a, 'x' AS b UNION ALL SELECT 1, 'y'"),
      contract({
        columns: [column('a', { max: 3 }), column('b', { type: 'string', values: ['y'] })],
      }),
    );
    expect((await read(halves().quarantinePath)).map((row) => row.__reasons)).toEqual([
      'finite:a; range:a; values:b',
    ]);
  });

  test('that were in quarantine before do not keep their old reasons', async () => {
    await validate(
      await table("SELECT 1 AS a, 'range:a' AS __reasons UNION ALL SELECT 9, 'range:a'"),
      contract({ columns: [column('a', { max: 3 })] }),
    );
    expect(await read(halves().quarantinePath)).toEqual([{ a: 9, __reasons: 'range:a' }]);
  });

  test('fail the contract beyond its share, with the reasons', async () => {
    const { verdict } = await validate(
      await table('SELECT i AS v FROM range(100) r(i)'),
      contract({ columns: [column('v', { max: 89 })], maxQuarantinedShare: 0.05 }),
    );
    expect(verdict.kind).toBe('failed');
    expect(verdict.reasons.map((reason) => reason.message)).toEqual([
      'flights: quarantine: 10 of 100 rows (10 %) are bad; expected at most 5 % bad rows',
      'flights: range of v: 10 bad rows; expected ≤ 89',
    ]);
  });

  test('fail the contract under every limit when no row is good', async () => {
    const { verdict } = await validate(
      await table('SELECT -1 AS v FROM range(3)'),
      contract({ columns: [column('v', { min: 0 })], maxQuarantinedShare: 1 }),
    );
    expect(verdict).toMatchObject({
      kind: 'failed',
      reasons: [
        { message: expect.stringContaining('no row is valid: all 3 are bad') as string },
        {},
      ],
    });
  });
});

describe('the whole dataset', () => {
  test('a missing column fails with the most similar column', async () => {
    const { verdict } = await validate(
      await table('SELECT 1 AS arr_dellay'),
      contract({ columns: [column('arr_delay')] }),
    );
    expect(verdict).toMatchObject({
      kind: 'failed',
      reasons: [
        {
          code: 'contract.schema',
          message:
            'flights: schema of arr_delay: no such column; there is arr_dellay; expected a column arr_delay of type number',
        },
      ],
    });
  });

  test('an optional column may be missing', async () => {
    expect(
      (
        await validate(
          await table('SELECT 1 AS a'),
          contract({ columns: [column('b', { required: false })] }),
        )
      ).verdict.kind,
    ).toBe('passed');
  });

  test('a wrong type fails', async () => {
    const validated = await validate(
      await table('SELECT true AS late'),
      contract({ columns: [column('late', { type: 'timestamp' })] }),
    );
    expect(validated.verdict.kind).toBe('failed');
    expect(find(validated, 'schema', 'late')).toMatchObject({ passed: false, observed: 'boolean' });
  });

  test('other columns fail when the contract does not allow them', async () => {
    const { verdict } = await validate(
      await table('SELECT 1 AS a, 2 AS b'),
      contract({ columns: [column('a')], otherColumns: 'refuse' }),
    );
    expect(verdict).toMatchObject({
      kind: 'failed',
      reasons: [{ message: 'flights: otherColumns: b; expected no other columns' }],
    });
  });

  test('too large a share of nulls fails without bad rows', async () => {
    const input = await table('SELECT CASE WHEN i % 4 > 0 THEN i END AS v FROM range(100) r(i)');
    const validated = await validate(
      input,
      contract({ columns: [column('v', { maxNullShare: 0.2 })] }),
    );
    expect(validated.verdict).toMatchObject({
      kind: 'failed',
      reasons: [{ message: 'flights: nullShare of v: 25 % are null; expected at most 20 %' }],
    });
    expect(validated.report.quarantined).toBe(0);
    expect(
      (await validate(input, contract({ columns: [column('v', { maxNullShare: 0.25 })] }))).verdict
        .kind,
    ).toBe('passed');
  });

  test.each([
    [0, 1, null, 'failed'],
    [0, 0, null, 'failed'],
    [5, 6, null, 'failed'],
    [5, 5, 5, 'passed'],
    [6, 5, 5, 'failed'],
  ])('%i rows with at least %i and at most %p: %s', async (rows, min, max, verdict) => {
    expect(
      (
        await validate(
          await table(`SELECT i AS v FROM range(${rows}) r(i)`),
          contract({ rows: { min, max } }),
        )
      ).verdict.kind,
    ).toBe(verdict);
  });
});

describe('a check that cannot be measured is inconclusive', () => {
  test.each<[string, Partial<DataContract>]>([
    ['an invalid pattern', { columns: [column('v', { type: 'string', pattern: '[' })] }],
    [
      'a bound of another type',
      {
        columns: [
          column('v', { type: 'string' }),
          column('at', { type: 'timestamp', min: 'soon' }),
        ],
      },
    ],
    ['a key with a missing column', { unique: [['elsewhere']] }],
  ])('%s', async (_, more) => {
    const { verdict, report } = await validate(
      await table("SELECT 'x' AS v, TIMESTAMP '2013-01-01' AS at"),
      contract(more),
    );
    expect(verdict.kind).toBe('inconclusive');
    expect(verdict.reasons[0]?.message).toContain('could not be measured');
    expect(report.accepted).toBe(1);
  });

  test('does not hide a failed check', async () => {
    const { verdict } = await validate(
      await table("SELECT 'x' AS v"),
      contract({
        columns: [column('v', { type: 'string', pattern: '[' })],
        rows: { min: 2, max: null },
      }),
    );
    expect(verdict.kind).toBe('failed');
    expect(verdict.reasons.map((reason) => reason.code)).toEqual([
      'contract.rows',
      'contract.unmeasured',
    ]);
  });
});

test('bad rows are noted in the same way whether another rule fails or not', async () => {
  const few = { maxQuarantinedShare: 0.5, columns: [column('v', { max: 8 })] };
  const input = await table('SELECT i AS v FROM range(10) r(i)');
  const readMark = async (more: Partial<DataContract>) => {
    const { kind, reasons } = (await validate(input, contract({ ...few, ...more }))).verdict;
    return [kind, reasons.find(({ code }) => code === 'contract.range')?.outcome];
  };
  expect(await readMark({})).toEqual(['passed', 'noted']);
  expect(await readMark({ rows: { min: 100, max: null } })).toEqual(['failed', 'noted']);
  expect(await readMark({ unique: [['elsewhere']] })).toEqual(['inconclusive', 'noted']);
});

describe('distribution against the approved version', () => {
  const compared = (columns: readonly string[]) =>
    contract({ distribution: { columns, maxPsi: 0.25 } });
  const version = ({ path, columns }: Table): ReferenceVersion => ({
    kind: 'version',
    name: 'flights@3',
    files: [path],
    columns,
  });
  const normal = (shift: number) =>
    `SELECT sin(i * 12.9898) * 10 + cos(i * 78.233) * 10 + ${shift} AS temp, chr((65 + i % ${shift > 0 ? 3 : 4})::INTEGER) AS origin, i % 2 = 0 AS b FROM range(4000) r(i)`;

  test('the first version is not compared, and the report notes it', async () => {
    const first = await validate(await table(normal(0)), compared(['temp', 'origin']));
    expect(find(first, 'distribution')).toMatchObject({
      notApplicable: true,
      observed: 'not compared: no version has been approved yet',
    });
    const notCompared = {
      gate: 'contract',
      code: 'contract.notApplicable',
      message:
        'flights: distribution of temp, origin: not compared, because flight-delay.flights has no approved version yet',
      outcome: 'notApplicable',
    };
    expect(first.verdict).toEqual({
      kind: 'passed',
      reasons: [expect.objectContaining({ code: 'contract.met' }), notCompared],
    });

    const broken = await validate(await table(normal(0)), {
      ...compared(['temp', 'origin']),
      rows: { min: 5000, max: null },
    });
    expect(broken.verdict).toEqual({
      kind: 'failed',
      reasons: [expect.objectContaining({ code: 'contract.rows' }), notCompared],
    });

    const elsewhere = await validate(await table(normal(0)), {
      ...compared(['temp', 'origin']),
      unique: [['elsewhere']],
    });
    expect(elsewhere.verdict).toEqual({
      kind: 'inconclusive',
      reasons: [expect.objectContaining({ code: 'contract.unmeasured' }), notCompared],
    });
  });

  test('equal data has almost no shift', async () => {
    const reference = version(await table(normal(0)));
    const validated = await validate(
      await table(normal(0)),
      compared(['temp', 'origin', 'b']),
      reference,
    );
    expect(validated.verdict.kind).toBe('passed');
    expect(validated.verdict.reasons.map((reason) => reason.code)).toEqual(['contract.met']);
    expect(find(validated, 'distribution', 'temp')?.observed).toMatch(
      /^PSI 0\.000 over 1\d bins against flights@3$/,
    );
  });

  test('a shift of numbers or of shares fails', async () => {
    const reference = version(await table(normal(0)));
    const validated = await validate(
      await table(normal(12)),
      compared(['temp', 'origin', 'b']),
      reference,
    );
    expect(validated.verdict.kind).toBe('failed');
    expect(
      ['temp', 'origin', 'b'].map((name) => find(validated, 'distribution', name)?.passed),
    ).toEqual([false, false, true]);
  });

  test('a new share of missing values is a shift', async () => {
    const reference = version(await table(normal(0)));
    const validated = await validate(
      await table(
        `SELECT CASE WHEN row_number() OVER () % 2 = 0 THEN temp END AS temp FROM (${normal(0)})`,
      ),
      compared(['temp']),
      reference,
    );
    expect(find(validated, 'distribution', 'temp')?.passed).toBe(false);
  });

  test.each<[string, (reference: Table) => ReferenceVersion, string]>([
    [
      'a version that cannot be read',
      () => ({ kind: 'unreadable', reason: 'flights@3 is gone' }),
      'flights@3 is gone',
    ],
    [
      'a column that the version lacks',
      (t) => ({ ...version(t), columns: [] }) as ReferenceVersion,
      'has no such column',
    ],
    [
      'a column of another type',
      (t) => ({ ...version(t), columns: [{ name: 'temp', type: 'string' }] }) as ReferenceVersion,
      'it was string',
    ],
  ])('%s is not a pass', async (_, reference, why) => {
    const input = await table(normal(0));
    const validated = await validate(input, compared(['temp']), reference(input));
    expect(validated.verdict.kind).toBe('inconclusive');
    expect(find(validated, 'distribution')?.observed).toContain(why);
  });

  test('the index is the textbook formula with half a row added to each bin', () => {
    const [p1, p2, q1, q2] = [30.5 / 101, 70.5 / 101, 50.5 / 101, 50.5 / 101];
    expect(
      stabilityIndex([
        { p: 30, q: 50 },
        { p: 70, q: 50 },
      ]),
    ).toBeCloseTo((p1 - q1) * Math.log(p1 / q1) + (p2 - q2) * Math.log(p2 / q2), 12);
    expect(
      stabilityIndex([
        { p: 0, q: 50 },
        { p: 100, q: 50 },
      ]),
    ).toBeLessThan(4);
  });
});

describe('accepted + quarantined = input', () => {
  const cell = fc.record({
    id: fc.option(fc.integer({ min: 0, max: 8 }), { nil: null }),
    v: fc.option(
      fc.oneof(
        fc.constantFrom("'NaN'", "'inf'", '0'),
        fc.integer({ min: -20, max: 20 }).map(String),
      ),
      { nil: null },
    ),
    t: fc.option(fc.constantFrom('UA', 'AA', 'x', '', '7', '1.5', '2013-01-01'), { nil: null }),
  });
  const expectation = (name: string) =>
    fc.record({
      type:
        name === 't'
          ? fc.constantFrom('string', 'integer', 'number', 'timestamp', 'boolean')
          : fc.constantFrom('number', 'integer'),
      maxNullShare: fc.constantFrom(0, 0.3, 1),
      min: fc.constantFrom(null, -3),
      pattern: fc.constantFrom(null, '[A-Z]+', '['),
    });

  test('holds for each row under any contract', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(cell, { minLength: 0, maxLength: 40 }),
        expectation('v'),
        expectation('t'),
        fc.subarray(['id', 'v', 't'], { minLength: 0 }),
        async (rows, v, t, key) => {
          const values = rows.map(
            (row) =>
              `(${row.id ?? 'NULL'}, ${row.v ?? 'NULL'}::DOUBLE, ${row.t === null ? 'NULL' : quoteText(row.t)})`,
          );
          const from =
            values.length === 0
              ? '(SELECT NULL, NULL, NULL) WHERE false'
              : `(VALUES ${values.join(', ')})`;
          const input = await table(
            `SELECT id::BIGINT AS id, v::DOUBLE AS v, t::VARCHAR AS t FROM ${from.replace(' WHERE false', '')} x(id, v, t)${values.length === 0 ? ' WHERE false' : ''}`,
          );
          const expected = contract({
            columns: [column('id', { type: 'integer' }), column('v', v), column('t', t)],
            unique: key.length === 0 ? [] : [key],
          });
          const validated = await validate(input, expected, { kind: 'none' }, async (sql) => {
            // Row numbers identify the rows on both sides, converted or not.
            const both = await sql.rows<{ n: number }>(
              `SELECT __contract_row AS n FROM __contract_input ANTI JOIN __contract_bad USING (__contract_row)
               UNION ALL SELECT __contract_row FROM __contract_bad ORDER BY 1`,
            );
            expect(both.map((row) => row.n)).toEqual(rows.map((_, i) => i + 1));
          });
          const { report } = validated;
          expect([report.rows, report.accepted + report.quarantined]).toEqual([
            rows.length,
            rows.length,
          ]);
          if (validated.unchanged) return;
          expect(await read(halves().acceptedPath)).toHaveLength(report.accepted);
          if (report.quarantined === 0) return;
          const quarantine = await read(halves().quarantinePath);
          expect(quarantine).toHaveLength(report.quarantined);
          expect(
            quarantine.every((row) => typeof row.__reasons === 'string' && row.__reasons !== ''),
          ).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('the same rows give the same bytes', async () => {
    const input = await table("SELECT i AS id, i % 10 AS v, 'x' || i AS t FROM range(300000) r(i)");
    const expected = contract({ columns: [column('v', { max: 8 })] });
    const digests = async (): Promise<unknown> => {
      await validate(input, expected);
      return [
        await digestOfFile(halves().acceptedPath),
        await digestOfFile(halves().quarantinePath),
      ];
    };
    expect(await digests()).toEqual(await digests());
  });
});
