import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { RunJson } from '../../apps/cli/run/view';
import { writeBadTrainers } from '../support/training/bad-trainers';
import type { Product } from '../support/process/product';
import { startProduct } from '../support/process/product';
import type { TinyOptions } from '../support/tiny-lifecycle';
import { lenientGates, writeTinyLifecycle } from '../support/tiny-lifecycle';

type Options = Omit<TinyOptions, 'name'>;

let folder: string;
let product: Product;
let count = 0;
/** Retried for a minute before it fails, so it starts first and is checked last. */
let unreachable: Promise<RunJson>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-bad-'));
  product = await startProduct({
    env: { PERENNIAL_TRAINERS_DIR: writeBadTrainers(join(folder, 'trainers')) },
  });
  unreachable = ended({ uri: 'https://nosuch.invalid/visits.csv' });
  unreachable.catch(() => undefined);
});
afterAll(async () => {
  await product.stop();
  rmSync(folder, { recursive: true, force: true });
});

function written(options: Options): { readonly name: string; readonly folder: string } {
  const name = `bad-${++count}`;
  return {
    name,
    folder: writeTinyLifecycle(product.workDir, { name, evaluate: lenientGates, ...options }),
  };
}

async function ended(options: Options): Promise<RunJson> {
  const lifecycle = written(options);
  await product.apply(lifecycle.folder);
  return startedAndEnded(lifecycle);
}

/**
 * The data change after the lifecycle was applied, because it would have been refused with such
 * data.
 */
async function endedWithLater(csv: string): Promise<RunJson> {
  const lifecycle = written({});
  await product.apply(lifecycle.folder);
  writeFileSync(join(lifecycle.folder, 'data.csv'), csv);
  return startedAndEnded(lifecycle);
}

async function startedAndEnded(lifecycle: { readonly name: string }): Promise<RunJson> {
  const { body } = await product.start(lifecycle.name);
  return product.waitForEnd(body.id);
}

/**
 * Starts one run for each case of a table at once, because runs mostly wait. Each test checks its
 * run.
 */
function begunTogether<Case extends readonly [name: string, ...unknown[]]>(
  cases: readonly Case[],
  begin: (of: Case) => Promise<RunJson>,
): (name: string) => Promise<RunJson> {
  const runs = new Map<string, Promise<RunJson>>();
  beforeAll(() => {
    for (const of of cases) {
      const run = begin(of);
      run.catch(() => undefined); // its test says so
      runs.set(of[0], run);
    }
  });
  return (name) => runs.get(name) ?? Promise.reject(new Error(`no run of ${name}`));
}

const columns = 'seen_at,entity,kind,x,y,label';

/** 120 days of valid rows with the given changes. */
function csv(
  change: (row: number) => Partial<Record<'kind' | 'x' | 'y' | 'label', string>>,
): string {
  const rows = Array.from({ length: 2_880 }, (_, row) => {
    const {
      kind = 'abc'.charAt(row % 3),
      x = '0.5',
      y = '1.5',
      label = String(row % 2),
    } = change(row);
    return [
      new Date(Date.UTC(2024, 0, 1, row)).toISOString(),
      `e${row % 7}`,
      kind,
      x,
      y,
      label,
    ].join(',');
  });
  return `${[columns, ...rows].join('\n')}\n`;
}

describe('a file that cannot be read', () => {
  const planes = readFileSync(
    resolve(__dirname, '..', '..', '.perennial', 'samples', 'planes.parquet'),
  );

  const cases: readonly [string, string | Buffer, Options, string, RegExp][] = [
    [
      'an empty file',
      '',
      {},
      'DatasetEmpty',
      /source visits \(file:.*data\.csv\): the file is empty/,
    ],
    ['a header alone', `${columns}\n`, {}, 'DatasetEmpty', /the file has columns but no rows/],
    [
      'a line with a field too many',
      `${columns}\n2024-01-01T00:00:00Z,e1,a,1,1,1,9\n`,
      {},
      'DataUnreadable',
      /line 2: 7 fields, but the header has 6/,
    ],
    [
      'a truncated Parquet file',
      planes.subarray(0, planes.length >> 1),
      { format: 'parquet' },
      'DataUnreadable',
      /Parquet file is truncated/,
    ],
    [
      'a Parquet file that is CSV',
      `${columns}\n`,
      { format: 'parquet' },
      'DataUnreadable',
      /not a Parquet file/,
    ],
    [
      'no file',
      '',
      { uri: 'file://./nosuch.csv' },
      'NotFound',
      /nosuch\.csv\): the file does not exist/,
    ],
    [
      'a file outside of the allowed folders',
      '',
      { uri: 'file:///etc/passwd' },
      'SourceRefused',
      /outside of the folders/,
    ],
    [
      'an address of the inner network',
      '',
      { uri: 'https://127.0.0.1:9/x.csv' },
      'SourceRefused',
      /private, loopback or link-local/,
    ],
  ];
  const runOf = begunTogether(cases, ([, content, options]) => ended({ ...options, csv: content }));

  test.each(cases)(
    '%s is reported with its source and the next step',
    async (name, _content, _options, type, message) => {
      const { status, failure } = await runOf(name);
      expect({ status, type: failure?.type, stage: failure?.stage }).toEqual({
        status: 'failed',
        type,
        stage: 'ingest',
      });
      expect(failure?.message).toMatch(message);
      expect(failure?.next).toEqual(expect.any(String));
    },
  );
});

describe('rows that break the contract', () => {
  const cases: readonly [string, string, readonly RegExp[]][] = [
    [
      'no valid row',
      csv(() => ({ kind: 'zzz' })),
      [
        /no row is valid: all 2880 are bad/,
        /values of kind: 2880 bad rows; expected one of a, b, c/,
      ],
    ],
    ['a wrong type', csv(() => ({ x: 'abc' })), [/type of x: 2880 bad rows; expected number/]],
    [
      'too many bad rows',
      csv((row) => (row % 10 === 0 ? { x: '99' } : {})),
      [/288 of 2880 rows \(10 %\) are bad; expected at most 1 %/, /range of x/],
    ],
    ['infinities', csv(() => ({ y: 'inf' })), [/finite of y: 2880 bad rows/]],
    [
      'a missing column',
      csv(() => ({})).replace('kind', 'sort'),
      [/no such column; expected a column kind of type string/],
    ],
  ];
  const runOf = begunTogether(cases, ([, content]) => endedWithLater(content));

  test.each(cases)('%s: the run stops, with the reasons', async (name, _content, reasons) => {
    const { status, verdict, stages } = await runOf(name);
    expect({ status, kind: verdict?.kind, stages: stages.map(({ name }) => name) }).toEqual({
      status: 'stopped',
      kind: 'failed',
      stages: ['ingest', 'validate'],
    });
    const said = verdict?.reasons.map(({ message }) => message).join('\n');
    for (const reason of reasons) expect(said).toMatch(reason);
  });

  test('NaN is a missing number, also for the contract', async () => {
    const strict = (text: string): string =>
      text.replace('x: { type: number,', 'x: { type: number, maxNullShare: 0,');
    const lifecycle = written({ csv: csv(() => ({ x: 'NaN' })) });
    const contract = join(lifecycle.folder, 'contract.yaml');
    writeFileSync(contract, strict(readFileSync(contract, 'utf8')));
    await product.apply(lifecycle.folder);
    const { exitCode, stdout } = await product.cli(['run', 'start', lifecycle.name, '--wait']);
    expect({ exitCode, stdout }).toEqual({
      exitCode: 3,
      stdout: expect.stringMatching(/all 2880 are bad.*\n.*of x: 2880 bad rows/) as string,
    });
  });
});

describe('SQL', () => {
  test.each<[string, Options, RegExp]>([
    [
      'that does not parse',
      { assembleSql: 'SELEC 1' },
      /sql\/assemble\.sql:1:1 syntax error at or near "SELEC"/,
    ],
    [
      'that reads a file',
      { assembleSql: "SELECT * FROM read_csv('/etc/passwd')" },
      /assemble\.sql:1:15 read_csv\(\) reads files; the sources are visits/,
    ],
    [
      'that writes',
      { assembleSql: "COPY (SELECT 1) TO '/tmp/x'" },
      /assemble\.sql:1:1 COPY is not allowed; write one SELECT/,
    ],
    [
      'with features over many rows',
      { featuresSql: 'SELECT avg(x) AS x FROM request' },
      /features\.sql:1:8 avg\(\) is not allowed in features/,
    ],
    [
      'with features that read the clock',
      { featuresSql: 'SELECT x, now() AS t FROM request' },
      /features\.sql:1:11 now\(\) is not allowed in features/,
    ],
    [
      'with features that read the label',
      { featuresSql: 'SELECT x, late FROM request' },
      /features\.sql:1:11 'late' must not be read: it is the label/,
    ],
    [
      'with an unknown column',
      { assembleSql: 'SELECT seen_at, entity, kind, x, y, nosuch = 1 AS late FROM visits' },
      /sql\/assemble\.sql:1:37 .*"nosuch"/,
    ],
  ])('%s is refused before it is applied, with its place', async (_, options, message) => {
    const lifecycle = written(options);
    const refused = { exitCode: 2, stdout: '', stderr: expect.stringMatching(message) as string };
    const answers = await Promise.all(
      ['validate', 'apply'].map((verb) => product.cli(['lifecycle', verb, lifecycle.folder])),
    );
    expect(answers).toEqual([refused, refused]);
    expect(await product.call('GET', `/lifecycles/${lifecycle.name}`)).toMatchObject({
      status: 404,
    });
  });

  const cases: readonly [string, Options, string, RegExp][] = [
    [
      'that fails on a row',
      {
        assembleSql:
          'SELECT seen_at, entity, kind, kind::INTEGER AS x, y, label = 1 AS late FROM visits',
      },
      'SqlInvalid',
      /sql\/assemble\.sql:1:\d+: Could not convert string/,
    ],
    [
      'that runs forever',
      {
        // The same limit applies to reading the source, also on a busy machine.
        timeout: '6s',
        assembleSql: `SELECT seen_at, entity, kind, x, y, sum(hash(a.range + b.range)) > 0 AS late
          FROM visits, range(1000000000) a, range(1000000000) b GROUP BY ALL`,
      },
      'SqlTimeout',
      /sql\/assemble\.sql: did not end within 6 s/,
    ],
  ];
  const runOf = begunTogether(cases, ([, options]) => ended(options));

  test.each(cases)('%s fails the run, with its place', async (name, _options, type, message) => {
    const { status, failure } = await runOf(name);
    expect({ status, type: failure?.type, stage: failure?.stage }).toEqual({
      status: 'failed',
      type,
      stage: 'train',
    });
    expect(failure?.message).toMatch(message);
    expect(failure?.next).toEqual(expect.any(String));
  });
});

describe('a trainer', () => {
  const cases: readonly [string, string, RegExp][] = [
    ['no-result', 'JobWithoutResult', /ended with exit code 0 but wrote no result\.json/],
    ['exits-one', 'JobFailed', /ended with exit code 1$/],
    ['raises', 'JobFailed', /ZeroDivisionError in train\.py, line 2 \(train\)$/],
    ['hangs', 'JobTimeout', /ran for [\d.]+ s; compute\.timeout allows 3 s/],
    ['eats', 'JobOutOfMemory', /used \d+MiB of memory; this attempt had 800MiB/],
    ['leaves', 'JobWithoutResult', /wrote no result\.json/],
  ];
  const runOf = begunTogether(cases, ([trainer]) => {
    // Only the hanging trainer may reach its time limit, even on a busy machine.
    const timeout = trainer === 'hangs' ? '3s' : '60s';
    return ended({
      trainer,
      compute: `{ cpus: 1, memory: 400MiB, timeout: ${timeout}, retries: 1 }`,
    });
  });

  test.each(cases)('that %s is ended, and its log is kept', async (trainer, type, message) => {
    const run = await runOf(trainer);
    expect({ status: run.status, type: run.failure?.type, next: run.failure?.next }).toEqual({
      status: 'failed',
      type,
      next: `perennial run logs ${run.id}`,
    });
    expect(run.failure?.message).toMatch(message);
    const log = await product.call<string>('GET', `/runs/${run.id}/logs`);
    expect(log).toMatchObject({
      status: 200,
      body: expect.stringContaining('training starts') as string,
    });
  });

  test('leaves only its log, which the named command prints; of processes only the warm parent remains', async () => {
    const [, , raised] = await Promise.all(cases.map(([trainer]) => runOf(trainer)));
    expect(await product.cli(['run', 'logs', raised?.id ?? ''])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('ZeroDivisionError') as string,
    });
    expect(product.pids('runtime/host.py')).toHaveLength(1);
  });
});

describe('a spec', () => {
  test.each<[string, Options, RegExp]>([
    [
      'with an unknown key',
      {
        evaluate: '{ metric: [auc], gates: [{ name: a, kind: threshold, metric: auc, min: 0.6 }] }',
      },
      /lifecycle\.yaml:\d+:\d+ unknown key spec\.evaluate\.metric; did you mean metrics\?/,
    ],
    [
      'with an unknown trainer',
      { trainer: 'lightgmb' },
      /unknown trainer lightgmb; .*did you mean lightgbm\?/,
    ],
    [
      'with unknown parameters',
      { params: '{ no_such: 1 }' },
      /spec\.train\.params\.no_such: no such parameter/,
    ],
    [
      'with 3 MB of parameters',
      { params: `{ note: ${'x'.repeat(3 << 20)} }` },
      /lifecycle\.yaml is larger than 1 MiB/,
    ],
    [
      'with a credential in a URI',
      { uri: 'https://me:secret@example.org/x.csv' },
      /spec\.data\.sources\.visits\.uri has a credential/,
    ],
  ])('%s is refused with its place, and nothing is stored', async (_, options, message) => {
    const lifecycle = written(options);
    const { exitCode, stderr } = await product.cli(['lifecycle', 'apply', lifecycle.folder]);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: expect.stringMatching(message) as string,
    });
    expect(await product.call('GET', `/lifecycles/${lifecycle.name}`)).toMatchObject({
      status: 404,
    });
  });
});

describe('a request', () => {
  let model: string;

  beforeAll(async () => {
    const { name, folder: lifecycle } = written({ promote: '{ approval: { required: 0 } }' });
    await product.apply(lifecycle);
    for (const params of [{}, { C: 0.1 }]) {
      const { body } = await product.start(name, { params });
      await product.waitForEnd(body.id);
    }
    model = name;
  });

  const promote = (version: number, etag: string, key?: string) =>
    product.call('PUT', `/models/${model}/aliases/champion`, {
      body: {
        version,
        reason: 'by hand',
        override: { reason: 'a test of the request', selfApprove: true },
      },
      headers: { 'if-match': etag },
      ...(key === undefined ? {} : { key }),
    });
  const champion = () =>
    product.call<{ version: number }>('GET', `/models/${model}/aliases/champion`);

  test('without a key or with a wrong one gets 401 and how to send a key', async () => {
    for (const url of ['/runs', `${product.gatewayUrl}/v2/models/${model}`]) {
      expect(await product.call('GET', url, { key: null })).toMatchObject({
        status: 401,
        body: { code: 'MissingApiKey' },
      });
      expect(await product.call('GET', url, { key: 'pk_x' })).toMatchObject({
        status: 401,
        body: { code: 'InvalidApiKey' },
      });
    }
  });

  test('a promotion by a viewer gets 403 and moves nothing', async () => {
    const { stdout } = await product.cli(['key', 'create', 'ann', '--scope', 'viewer']);
    const before = await champion();
    expect(await promote(1, before.headers.get('etag') ?? '', stdout.trim())).toMatchObject({
      status: 403,
      body: { code: 'Forbidden' },
    });
    expect((await champion()).body).toEqual(before.body);
  });

  test('one of two concurrent promotions wins', async () => {
    const before = await champion();
    const other = before.body.version === 1 ? 2 : 1;
    const etag = before.headers.get('etag') ?? '';
    const answers = await Promise.all([promote(other, etag), promote(other, etag)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
    expect((await champion()).body.version).toBe(other);
  });

  test('the same Idempotency-Key with another body gets 422 and starts nothing', async () => {
    const first = await product.start(model, { reason: 'one' }, 'key-1');
    expect(await product.start(model, { reason: 'one' }, 'key-1')).toMatchObject({
      status: 202,
      body: { id: first.body.id },
    });
    expect(await product.start(model, { reason: 'two' }, 'key-1')).toMatchObject({
      status: 422,
      body: { code: 'IdempotencyConflict' },
    });
    const { body } = await product.call<{ items: unknown[] }>('GET', `/runs?lifecycle=${model}`);
    expect(body.items).toHaveLength(3);
  });

  test('an inference row with missing or mistyped fields gets 400 with each field', async () => {
    const url = `${product.gatewayUrl}/v2/models/${model}/infer`;
    const tensor = (name: string, datatype: string, value: unknown) => ({
      name,
      shape: [1],
      datatype,
      data: [value],
    });
    const missing = await product.call('POST', url, {
      body: { inputs: [tensor('kind', 'BYTES', 'a')] },
    });
    expect(missing).toMatchObject({ status: 400, body: { code: 'InvalidInput' } });
    expect(JSON.stringify(missing.body['errors'])).toMatch(
      /tensor `x` is missing.*tensor `y` is missing/,
    );
    const inputs = [
      tensor('kind', 'INT64', 3),
      tensor('x', 'FP64', 'lots'),
      tensor('y', 'FP64', 1),
    ];
    const mistyped = await product.call('POST', url, { body: { inputs } });
    expect(mistyped).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/inputs/0/datatype' }, { pointer: '/inputs/1/data/0' }] },
    });
    expect(JSON.stringify(mistyped.body)).not.toContain('lots');
  });

  test('with a body of 50 MB, 3 MB of parameters, or no JSON starts nothing', async () => {
    const path = `/lifecycles/${model}/runs`;
    const before = await product.call<{ items: unknown[] }>('GET', `/runs?lifecycle=${model}`);
    const large = { status: 413, body: { code: 'BodyTooLarge' } };
    expect(
      await product.call('POST', path, { body: `{"reason":"${'x'.repeat(50 << 20)}"}` }),
    ).toMatchObject(large);
    expect(
      await product.call('POST', path, { body: { params: { note: 'x'.repeat(3 << 20) } } }),
    ).toMatchObject(large);
    const rows = {
      inputs: [{ name: 'kind', shape: [1], datatype: 'BYTES', data: ['x'.repeat(50 << 20)] }],
    };
    expect(
      await product.call('POST', `${product.gatewayUrl}/v2/models/${model}/infer`, { body: rows }),
    ).toMatchObject(large);
    expect(await product.call('POST', path, { body: '{"reason":' })).toMatchObject({
      status: 400,
      body: { code: 'InvalidJson' },
    });
    expect(await product.call('POST', path, { body: { untill: 'latest' } })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/untill', didYouMean: 'until' }] },
    });
    expect(
      (await product.call<{ items: unknown[] }>('GET', `/runs?lifecycle=${model}`)).body.items,
    ).toHaveLength(before.body.items.length);
  });

  test('for an unknown object gets 404 with the next step', async () => {
    expect(await product.start('nosuch')).toMatchObject({
      status: 404,
      body: { code: 'NotFound', next: expect.any(String) as string },
    });
    expect(await product.call('GET', '/runs/run_00000000000000000000000000')).toMatchObject({
      status: 404,
    });
    expect(await product.call('GET', '/nosuch')).toMatchObject({
      status: 404,
      body: { code: 'NoSuchRoute' },
    });
    expect(
      await product.call('PUT', '/models/m/aliases/champion', {
        body: { version: 1, reason: 'x' },
      }),
    ).toMatchObject({ status: 428 });
  });
});

describe('in the end', () => {
  test('a source that cannot be reached was retried for a while, with an event per attempt', async () => {
    const run = await unreachable;
    expect(run).toMatchObject({
      status: 'failed',
      failure: { type: 'SourceUnreachable', stage: 'ingest', next: expect.any(String) as string },
    });
    const { stderr } = await product.cli(['run', 'watch', run.id]);
    expect(stderr).toMatch(
      /attempt 1 failed, retrying: source visits \(https:\/\/nosuch\.invalid\/visits\.csv\)/,
    );
  });

  test('every run has ended, no other champion was made, and the platform is healthy', async () => {
    const { body: runs } = await product.call<{ items: RunJson[] }>('GET', '/runs?pageSize=200');
    expect(
      runs.items.filter(({ status }) => !['succeeded', 'stopped', 'failed'].includes(status)),
    ).toEqual([]);
    const { body: models } = await product.call<{ items: { champion: number | null }[] }>(
      'GET',
      '/models?pageSize=200',
    );
    expect(models.items.filter(({ champion }) => champion !== null)).toHaveLength(1);
    expect(await product.cli(['doctor'])).toMatchObject({ exitCode: 0 });
  });
});
