import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { computeDigest } from '../../../data/digest';
import { proofProblem } from '../../../db/audit/check-proof';
import { computeFingerprint } from '../../../db/audit/keys';
import type { AuditProof } from '../../../db/audit/records';
import { quoteText, withDuckDb } from '../../../data/sql/platform-sql';
import type { RunId } from '../../../domain/ids';
import { refTo, tenant } from '../../db/registry-fixture';
import type { ApiWorld } from './support/api-world';
import { lifecycleBody, openApiWorld, withStages } from './support/api-world';

let world: ApiWorld;
let runId: RunId;
beforeAll(async () => {
  world = await openApiWorld();
  await world.apply('flight-delay');
  runId = (await world.accept('flight-delay')).id;
});
afterAll(() => world.close());

const columns = [
  { name: 'carrier', type: 'string' },
  { name: 'distance', type: 'integer' },
] as const;
const distance = {
  name: 'distance',
  type: 'integer',
  nulls: 0,
  distinct: 200,
  nans: 0,
  infinities: 0,
  min: 17,
  max: 4983,
  mean: 1039.9,
};

const register = (dataset: string, content: string, changed: object = {}) =>
  world.registry.datasets.register({
    tenant,
    dataset,
    manifest: refTo(content),
    rows: 100,
    columns,
    statistics: {
      rows: 100,
      columns: [{ ...distance, deviation: 1, quantiles: { '0.5': 872 } }],
      notes: [],
    },
    runId,
    idempotencyKey: `${dataset}/${content}`,
    ...changed,
  });

describe('trials', () => {
  const tune = {
    metric: 'auc',
    direction: 'maximize',
    trials: 4,
    space: { num_leaves: { kind: 'int', low: 7, high: 63 } },
  } as const;

  test('are shown in pages with the best marked, also for a run that reused them', async () => {
    const applied = await world.call('PUT', '/lifecycles/tuned', {
      as: 'operator',
      body: lifecycleBody('tuned', (text) => withStages(text, { tune })),
    });
    expect(applied).toMatchObject({ status: 200 });
    const [first, second] = [await world.accept('tuned'), await world.accept('tuned')];
    for (const { workflowId } of [first, second]) {
      const opening = {
        tenant,
        workflowId,
        lifecycle: 'tuned',
        request: {},
        actor: 'a',
        traceId: 't',
      };
      await world.registry.runs.open({ ...opening, revisionDigest: first.revisionDigest });
    }
    const { trials, stages } = world.registry;
    const study = { tenant, runId: first.id, study: 'tune', tune } as const;
    const stage = {
      tenant,
      stage: 'tune',
      generation: 1,
      cacheKey: computeDigest('tune'),
    } as const;
    await stages.begin({ ...stage, runId: first.id, reuse: false });
    for (const [number, value] of [0.6, 0.7, 0.65].entries()) {
      await trials.start({ ...study, number, params: { num_leaves: 7 + number } });
      if (number < 2) await trials.end({ ...study, number, end: { status: 'complete', value } });
    }
    const { body } = await world.call<{ nextPageToken: string }>(
      'GET',
      `/runs/${first.id}/trials?pageSize=2`,
      { as: 'viewer' },
    );
    expect(body).toMatchObject({
      items: [
        {
          run: first.id,
          number: 0,
          status: 'complete',
          metric: 'auc',
          value: 0.6,
          best: false,
          params: { num_leaves: 7 },
          reason: null,
        },
        { number: 1, value: 0.7, best: true, seconds: expect.any(Number) as number },
      ],
    });
    expect(
      await world.call(
        'GET',
        `/runs/${first.id}/trials?pageSize=2&pageToken=${body.nextPageToken}`,
      ),
    ).toMatchObject({
      body: {
        items: [
          { number: 2, status: 'running', value: null, best: false, seconds: null, endedAt: null },
        ],
        nextPageToken: null,
      },
    });
    await stages.finish({ ...stage, runId: first.id, status: 'succeeded', output: { output: {} } });
    expect(await stages.begin({ ...stage, runId: second.id, reuse: true })).toMatchObject({
      kind: 'reused',
    });
    const reused = await world.call<{ items: { run: string }[] }>(
      'GET',
      `/runs/${second.id}/trials`,
    );
    expect(reused.body.items.map(({ run }) => run)).toEqual([first.id, first.id, first.id]);
  });

  test('are not found for a run whose lifecycle does not tune', async () => {
    await world.call('PUT', '/lifecycles/untuned', {
      as: 'operator',
      body: lifecycleBody('untuned', (text) => withStages(text, {})),
    });
    const { id } = await world.accept('untuned');
    expect(await world.call('GET', `/runs/${id}/trials`)).toMatchObject({
      status: 404,
      body: { code: 'NotFound' },
    });
    expect(await world.call('GET', '/runs/run_9/trials')).toMatchObject({ status: 404 });
  });
});

describe('datasets', () => {
  test('are listed with their aliases and shown with their versions', async () => {
    await register('flights', 'one');
    await register('flights', 'two', { rows: 120 });
    const move = {
      tenant,
      dataset: 'flights',
      alias: 'latest',
      version: 2,
      actor: 'test',
      cause: 'ingest',
      idempotencyKey: 'a',
    } as const;
    await world.registry.datasets.moveAlias(move);
    expect(await world.call('GET', '/datasets', { as: 'viewer' })).toMatchObject({
      body: { items: [{ name: 'flights', versions: 2, latest: 2, approved: null }] },
    });
    expect(await world.call('GET', '/datasets/flights/versions', { as: 'viewer' })).toMatchObject({
      body: { items: [{ version: 2, rows: 120, runId }, { version: 1 }], nextPageToken: null },
    });
    expect(await world.call('GET', '/datasets/flights/versions/1')).toMatchObject({
      status: 200,
      body: { dataset: 'flights', columns },
    });
    expect(await world.call('GET', '/datasets/flights/versions/9')).toMatchObject({ status: 404 });
  });

  test('are compared by schema, rows and statistics', async () => {
    await register('moved', 'one');
    await register('moved', 'two', {
      rows: 90,
      columns: [
        { name: 'carrier', type: 'integer' },
        { name: 'distance', type: 'integer' },
        { name: 'gate', type: 'string' },
      ],
      statistics: {
        rows: 90,
        columns: [{ ...distance, mean: 1100, deviation: 1, quantiles: { '0.5': 900 } }],
        notes: [],
      },
    });
    expect(
      await world.call('GET', '/datasets/moved/diff?from=1&to=2', { as: 'viewer' }),
    ).toMatchObject({
      status: 200,
      body: {
        same: false,
        rows: { from: 100, to: 90 },
        added: [{ name: 'gate', type: 'string' }],
        removed: [],
        retyped: [{ name: 'carrier', from: 'string', to: 'integer' }],
        statistics: [
          { column: 'distance', statistic: 'mean', from: 1039.9, to: 1100 },
          { column: 'distance', statistic: 'quantiles.0.5', from: 872, to: 900 },
        ],
        comparable: true,
      },
    });
    expect(await world.call('GET', '/datasets/moved/diff?from=2&to=1')).toMatchObject({
      body: { added: [], removed: [{ name: 'gate' }] },
    });
    expect(await world.call('GET', '/datasets/moved/diff?from=1')).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/to' }] },
    });
  });

  test('are not reported as equal if they have no statistics', async () => {
    await register('bare', 'one', { statistics: undefined });
    await register('bare', 'two');
    expect(await world.call('GET', '/datasets/bare/diff?from=1&to=2')).toMatchObject({
      body: { comparable: false, statistics: [] },
    });
  });

  test('show their quarantined rows with the reasons', async () => {
    await register('dirty', 'one');
    const reasons = { 'distance below 0': 3 };
    await world.registry.datasets.quarantine.put({
      tenant,
      dataset: 'dirty',
      version: 1,
      runId,
      rows: 3,
      artifact: refTo('bad'),
      reasons,
    });
    expect(await world.call('GET', '/datasets/dirty/quarantine', { as: 'viewer' })).toMatchObject({
      body: { items: [{ dataset: 'dirty', version: 1, rows: 3, reasons, runId }] },
    });
    expect(await world.call('GET', '/datasets/flights/quarantine')).toMatchObject({
      body: { items: [] },
    });
    expect(await world.call('GET', '/datasets/nosuch/quarantine')).toMatchObject({
      status: 404,
      body: { next: 'perennial dataset list' },
    });
  });

  test('are suggested for a source name or a typing error', async () => {
    await register('shop.orders', 'one');
    for (const [name, hint] of [
      ['orders', '; did you mean shop.orders?'],
      ['shop.ordres', '; did you mean shop.orders?'],
      ['zzzzzz', ''],
    ] as const) {
      const { body } = await world.call('GET', `/datasets/${name}/versions`);
      expect(body).toMatchObject({
        code: 'NotFound',
        detail: `there is no dataset ${name}${hint}`,
      });
    }
  });
});

describe('rows in quarantine', () => {
  const secret = 'Ada Lovelace, 12 St James Square';
  let id: string;
  beforeAll(async () => {
    await register('shop.people', 'one');
    const path = join(world.scratch, 'bad.parquet');
    const rows = `SELECT * FROM (VALUES
      (1, ${quoteText(secret)}, 'infinity'::DOUBLE, TIMESTAMP '2013-01-01 10:00:00.5', 9007199254740993, 'finite:a; range:n'),
      (2, NULL, -1.5, NULL, 7, 'range:a')) AS t (n, who, a, seen, big, __reasons)`;
    await withDuckDb((sql) => sql.run(`COPY (${rows}) TO ${quoteText(path)} (FORMAT parquet)`), {
      memoryBytes: 1 << 28,
      threads: 1,
    });
    const artifact = await world.artifacts.putFile({
      tenant,
      path,
      mediaType: 'application/vnd.apache.parquet',
    });
    await rm(path);
    const reasons = { 'range:a': 1, 'range:n': 1, 'finite:a': 1 };
    const put = { tenant, dataset: 'shop.people', version: 1, runId, rows: 2, artifact, reasons };
    ({ id } = await world.registry.datasets.quarantine.put(put));
  });
  const fetchRows = (query: string, options = {}) =>
    world.call('GET', `/datasets/shop.people/quarantine/${id}/rows${query}`, options);

  test('are shown to operators with their reasons, and the audit log records the reader', async () => {
    const { status, body, headers } = await fetchRows('', { as: 'operator' });
    expect({ status, cache: headers.get('cache-control') }).toEqual({
      status: 200,
      cache: 'no-store',
    });
    const first = {
      n: 1,
      who: secret,
      a: 'Infinity',
      seen: '2013-01-01T10:00:00.500000Z',
      big: '9007199254740993',
    };
    expect(body).toMatchObject({
      quarantine: { id, dataset: 'shop.people', version: 1, rows: 2, runId },
      items: [
        { reasons: 'finite:a; range:n', values: first },
        { reasons: 'range:a', values: { n: 2, who: null, a: -1.5, seen: null, big: 7 } },
      ],
    });
    const short = await fetchRows('?limit=1');
    expect(short.body.items).toEqual([{ reasons: 'finite:a; range:n', values: first }]);
    const audit = await world.call(
      'GET',
      '/audit?subject=dataset:shop.people&action=dataset.readQuarantine',
    );
    expect(audit.body).toMatchObject({
      items: [
        { actor: 'admin', after: { quarantine: id, version: 1, rows: 1 } },
        { actor: 'operator', after: { quarantine: id, version: 1, rows: 2 } },
      ],
    });
    expect(await readdir(world.scratch)).toEqual([]);
  });

  test('are not shown to viewers, and a request for a missing one leaves no audit row', async () => {
    expect(await fetchRows('', { as: 'viewer' })).toMatchObject({
      status: 403,
      body: { code: 'Forbidden' },
    });
    expect(await fetchRows('?limit=0')).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/limit' }] },
    });
    expect(await fetchRows('?limit=1001')).toMatchObject({ status: 422 });
    const other = await world.call('GET', `/datasets/flights/quarantine/${id}/rows`);
    expect(other).toMatchObject({
      status: 404,
      body: { next: 'perennial dataset quarantine flights' },
    });
    expect(
      await world.call('GET', '/audit?subject=dataset:flights&action=dataset.readQuarantine'),
    ).toMatchObject({ body: { items: [] } });
  });

  test('appear in no log and no error, even if their file is damaged', async () => {
    const bytes = Buffer.from(`PAR1${secret}`);
    const artifact = await world.artifacts.putBytes({
      tenant,
      bytes,
      mediaType: 'application/vnd.apache.parquet',
    });
    const put = {
      tenant,
      dataset: 'shop.people',
      version: 1,
      runId,
      rows: 2,
      artifact,
      reasons: { 'range:a': 2 },
    };
    await world.registry.datasets.quarantine.put(put);
    const { status, body } = await fetchRows('');
    expect({ status, body }).toMatchObject({ status: 422, body: { code: 'DataUnreadable' } });
    expect(JSON.stringify(body)).not.toContain('Lovelace');
    expect(JSON.stringify(world.log)).not.toContain('Lovelace');
    expect(await readdir(world.scratch)).toEqual([]);
  });
});

test('lineage leads from a model back to its sources, and forward', async () => {
  const [source, dataset, model] = [
    { kind: 'source', name: 'https://example.org/flights.csv' },
    { kind: 'dataset', name: 'flights', version: 2 },
    { kind: 'model', name: 'flight-delay', version: 1 },
  ] as const;
  const edges = [
    { from: source, to: dataset, runId },
    { from: dataset, to: model, runId },
  ];
  await world.registry.lineage.add({ tenant, edges });
  expect(
    await world.call('GET', '/lineage?of=model:flight-delay@1', { as: 'viewer' }),
  ).toMatchObject({
    status: 200,
    body: {
      of: model,
      items: [
        { from: dataset, to: model, distance: 1 },
        { from: source, to: dataset, distance: 2 },
      ],
      nextPageToken: null,
    },
  });
  const forward = `/lineage?of=${encodeURIComponent('source:https://example.org/flights.csv')}&direction=downstream`;
  expect(await world.call('GET', forward)).toMatchObject({
    body: { items: [{ to: dataset }, { to: model }] },
  });
  const newer = { ...model, version: 2 };
  await world.registry.lineage.add({ tenant, edges: [{ from: dataset, to: newer, runId }] });
  expect(await world.call('GET', '/lineage?of=model:flight-delay')).toMatchObject({
    body: { of: newer, items: [{ to: newer }, { to: dataset }] },
  });
  for (const [of, next] of [
    ['model:flight-delay@9', 'perennial model list'],
    ['dataset:flights@1', 'perennial dataset list'],
    ['deployment:nosuch', 'perennial model list'],
  ] as const) {
    expect(await world.call('GET', `/lineage?of=${of}`)).toMatchObject({
      status: 404,
      body: { detail: `${of} has no recorded lineage`, next },
    });
  }
});

describe('the audit', () => {
  test('is listed newest first, by subject and action, in pages', async () => {
    const all = await world.call<{ items: { id: string }[]; nextPageToken: string }>(
      'GET',
      '/audit?pageSize=2',
      { as: 'approver' },
    );
    expect(all.body.items).toHaveLength(2);
    const next = await world.call<{ items: { id: string }[] }>(
      'GET',
      `/audit?pageSize=2&pageToken=${all.body.nextPageToken}`,
    );
    expect((next.body.items[0]?.id ?? '') < (all.body.items[1]?.id ?? '')).toBe(true);
    expect(await world.call('GET', `/audit?subject=run:${runId}&action=run.accept`)).toMatchObject({
      body: { items: [{ actor: 'operator', action: 'run.accept', subject: `run:${runId}` }] },
    });
  });

  test('is verified against its signed heads in the artifact store', async () => {
    const seal = () =>
      world.registry.audit.seal({ tenant, signer: world.signer, archive: world.archive });
    await seal();
    const verify = (query = '') =>
      world.call<{
        findings: object[];
        batches: number;
        checkpoint: { batch: number; digest: string };
      }>('GET', `/audit/verify${query}`, {
        as: 'approver',
      });
    expect(await verify()).toMatchObject({
      status: 200,
      body: { findings: [], unsealed: 0, batches: 1, copies: [{ heads: 1, waiting: 0 }] },
    });
    const { checkpoint } = (await verify()).body;

    await world.accept('flight-delay');
    await seal();
    expect((await verify()).body).toMatchObject({ findings: [], batches: 2 });
    const since = await verify(`?from=${checkpoint.batch}:${checkpoint.digest}`);
    expect(since).toMatchObject({
      status: 200,
      body: { findings: [], batches: 1, from: checkpoint },
    });
    expect(await verify('?from=1')).toMatchObject({ status: 422 });
    expect(await world.call('GET', '/audit/keys', { as: 'approver' })).toMatchObject({
      body: {
        items: [
          {
            kind: 'first',
            keyId: world.signer.keyId,
            fingerprint: expect.stringMatching(/^sha256:/) as string,
          },
        ],
      },
    });

    const { body: rows } = await world.call<{ items: { id: string; action: string }[] }>(
      'GET',
      `/audit?subject=run:${runId}&action=run.accept`,
    );
    const id = rows.items[0]?.id ?? '';
    const { body: proof } = await world.call<AuditProof>('GET', `/audit/${id}/proof`);
    expect(JSON.parse(proof.content)).toMatchObject({ id, action: 'run.accept' });
    expect(proofProblem(proof, [computeFingerprint(world.signer.publicKey)])).toBeNull();
    expect(await world.call('GET', '/audit/aud_none/proof')).toMatchObject({
      status: 404,
      body: { next: 'perennial audit list' },
    });
    const { id: run } = await world.accept('flight-delay');
    const { body: unsealed } = await world.call<{ items: { id: string }[] }>(
      'GET',
      `/audit?subject=run:${run}`,
    );
    expect(await world.call('GET', `/audit/${unsealed.items[0]?.id ?? ''}/proof`)).toMatchObject({
      status: 409,
      body: { detail: expect.stringMatching(/not sealed yet/) as string },
    });

    // An attacker with access to the database but not to the store removes the newest sealed rows.
    const { sql } = world.owner;
    await sql.begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await tx`delete from audit_seals where batch = 2`;
      await tx`delete from audit_heads where batch = 2`;
    });
    const cut = await verify();
    expect(cut.body.findings).toContainEqual(expect.objectContaining({ kind: 'cutOff', batch: 2 }));
  });
});

test('retention settings are read by viewers and changed by an admin, with an audit row', async () => {
  const { body: before } = await world.call<Record<string, number>>('GET', '/retention', {
    as: 'viewer',
  });
  expect(before).toMatchObject({ predictionDays: 90, artifactIdleDays: 7 });
  const changed = await world.call('PUT', '/retention', {
    as: 'admin',
    body: { predictionDays: 30 },
  });
  expect(changed).toMatchObject({ status: 200, body: { ...before, predictionDays: 30 } });
  expect((await world.call('GET', '/retention', { as: 'viewer' })).body).toEqual(changed.body);
  const { body: audit } = await world.call<{ items: unknown[] }>(
    'GET',
    '/audit?action=retention.set',
    { as: 'approver' },
  );
  expect(audit.items).toMatchObject([{ before, after: changed.body }]);
  const wrong = await world.call<{ detail: string }>('PUT', '/retention', {
    as: 'admin',
    body: { predictionDay: 0 },
  });
  expect(wrong).toMatchObject({
    status: 422,
    body: { errors: [{ pointer: '/predictionDay', didYouMean: 'predictionDays' }] },
  });
});

test('the reason of any change is in the audit log beside its cause', async () => {
  const headers = { 'x-perennial-reason': encodeURIComponent('größer als nötig') };
  expect(
    await world.call('PUT', '/retention', { as: 'admin', body: { predictionDays: 77 }, headers }),
  ).toMatchObject({ status: 200 });
  const { body } = await world.call<{ items: { cause: string }[] }>(
    'GET',
    '/audit?action=retention.set',
    { as: 'approver' },
  );
  expect(body.items[0]?.cause).toMatch(/: größer als nötig$/);
  const wrong = await world.call('PUT', '/retention', {
    as: 'admin',
    body: { predictionDays: 78 },
    headers: { 'x-perennial-reason': '%ff' },
  });
  expect(wrong).toMatchObject({
    status: 400,
    body: { detail: expect.stringContaining('x-perennial-reason') as string },
  });
});

test('the platform shows the caller’s key and what is wrong with each part', async () => {
  const { body } = await world.call<{ parts: { name: string; ok: boolean }[] }>(
    'GET',
    '/platform',
    { as: 'viewer' },
  );
  expect(body).toMatchObject({ caller: { name: 'viewer', scope: 'viewer' } });
  expect(body.parts.map(({ name, ok }) => [name, ok])).toEqual([
    ['database', true],
    ['artifact store', true],
    ['temporal', true],
    ['workers', true],
    ['gateway', false],
    ['language models', true],
  ]);
  world.lifecycles.away = true;
  const away = await world.call<{ parts: { name: string; ok: boolean; next: string }[] }>(
    'GET',
    '/platform',
  );
  world.lifecycles.away = false;
  expect(away.body.parts).toContainEqual(
    expect.objectContaining({ name: 'temporal', ok: false, detail: 'Temporal does not respond' }),
  );
  await world.registry.gateways.beat({
    id: 'gw',
    url: 'http://gateway.test',
    epoch: 0,
    leaseSeconds: 30,
    beat: 1,
  });
  const { body: served } = await world.call<{ parts: { name: string; ok: boolean }[] }>(
    'GET',
    '/platform',
  );
  expect(served.parts).toContainEqual(expect.objectContaining({ name: 'gateway', ok: true }));
});

test('trainers are listed with the schema of their parameters', async () => {
  const { body } = await world.call<{ items: { name: string; paramsSchema: object }[] }>(
    'GET',
    '/trainers',
    { as: 'viewer' },
  );
  expect(body.items.map(({ name }) => name)).toEqual([
    'baseline',
    'lightgbm',
    'logistic',
    'lora',
    'torch',
  ]);
  expect(body.items[1]?.paramsSchema).toMatchObject({
    properties: { num_leaves: { type: 'integer' } },
  });
});

describe('the files of a dataset version', () => {
  const parts = ['first part', 'the second part'].map((text) => Buffer.from(text));
  let version: number;
  beforeAll(async () => {
    const files = await Promise.all(
      parts.map((bytes) =>
        world.artifacts.putBytes({ tenant, bytes, mediaType: 'application/vnd.apache.parquet' }),
      ),
    );
    const manifest = await world.artifacts.putJson({
      tenant,
      value: { dataset: 'flight-delay.parts', columns, rows: 100, files },
    });
    ({ version } = await register('flight-delay.parts', 'parts', { manifest }));
  });
  const path = (rest: string) => `/datasets/flight-delay.parts/versions/${version}/files${rest}`;

  test('are listed in order, and each is sent whole, uncached and with an audit row', async () => {
    const { body } = await world.call<{ items: { file: number; bytes: number }[] }>(
      'GET',
      path(''),
      { as: 'viewer' },
    );
    expect(body.items).toMatchObject(
      parts.map(({ length }, at) => ({ file: at + 1, bytes: length })),
    );
    const sent = await world.call<string>('GET', path('/2'), { as: 'operator' });
    expect(sent).toMatchObject({ status: 200, body: 'the second part' });
    expect(sent.headers.get('cache-control')).toBe('no-store');
    const audit = await world.call<{ items: object[] }>('GET', '/audit?action=dataset.readRows');
    expect(audit.body.items).toMatchObject([
      {
        actor: 'operator',
        subject: `dataset:flight-delay.parts@${version}`,
        cause: 'download of file 2 of 2',
      },
    ]);
    // The copy on disk is removed once it was sent.
    const left = async () =>
      (await readdir(world.scratch)).filter((name) => /dataset-file/.test(name));
    for (let attempt = 0; attempt < 50 && (await left()).length > 0; attempt += 1)
      await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await left()).toEqual([]);
  });

  test('need an operator, because rows may hold personal data', async () => {
    expect((await world.call('GET', path('/1'), { as: 'viewer' })).status).toBe(403);
  });

  test('that do not exist are not found, with the number of files', async () => {
    expect((await world.call('GET', path('/3'))).body).toMatchObject({
      code: 'NotFound',
      detail: `flight-delay.parts@${version} has 2 files, not 3`,
    });
    const missing = await world.call('GET', '/datasets/flight-delay.parts/versions/99/files');
    expect(missing.status).toBe(404);
  });
});
