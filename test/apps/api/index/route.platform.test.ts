/**
 * Indexes through the real API, by HTTP and by the command line. Search is tested in
 * test/apps/gateway.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { computeDigest } from '../../../../data/digest';
import { defaultTenant as tenant } from '../../../../domain/ids';
import type { IndexBuildInput } from '../../../../workflows/index-version/messages';
import { cliAgainst } from '../../cli/fake-api';
import { openLog } from '../../../../workers/log';
import { sweepOutbox } from '../../../../workers/maintenance/sweeper';
import type { ApiWorld } from '../support/api-world';
import { openApiWorld } from '../support/api-world';
import { fakeSchedules } from '../support/fake-schedules';

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld();
  for (const version of [1, 2]) await built(version);
});
afterAll(() => world.close());

async function opened(number: number, idempotencyKey: string) {
  const { datasets, indexes } = world.registry;
  const manifest = await world.artifacts.putJson({ tenant, value: { number } });
  const key = { tenant, idempotencyKey };
  const dataset = 'wiki.documents';
  const { version: datasetVersion } = await datasets.register({
    ...key,
    dataset,
    manifest,
    rows: 7,
    columns: [],
    runId: null,
  });
  const embedder = {
    name: 'all-MiniLM-L6-v2-int8',
    digest: computeDigest('minilm'),
    dimensions: 384,
    spec: { kind: 'minilm' },
  } as const;
  const recipe = { embedder, chunking: { kind: 'sentences', size: 256, overlap: 0 } } as const;
  return indexes.open({
    ...key,
    index: 'wiki',
    recipe,
    dataset,
    datasetVersion,
    runId: null,
    actor: 'ada',
  });
}

async function built(number: number): Promise<void> {
  const { indexes } = world.registry;
  const key = { tenant, idempotencyKey: `built/${number}` };
  const { version, applied } = await opened(number, key.idempotencyKey);
  await indexes.changes.applied({
    tenant,
    index: 'wiki',
    version,
    from: applied,
    to: applied,
    tableVersion: 9,
    chunks: 12,
    documents: 8,
  });
  const report = {
    documents: 7,
    chunks: 12,
    embedded: 12,
    rejected: { empty: 2, binary: 1 },
    vectors: 'flat',
    seconds: 3,
  } as const;
  await indexes.seal({ tenant, index: 'wiki', version, report });
  const { champion } = await indexes.aliases({ tenant, index: 'wiki' });
  await indexes.promote({
    ...key,
    index: 'wiki',
    version,
    expectedChampion: champion ?? { version: null },
    actor: 'ada',
    cause: 'built',
  });
}

test('an index shows which versions have pending changes, and why', async () => {
  expect((await world.call('GET', '/indexes/wiki', { as: 'viewer' })).body).toMatchObject({
    waiting: null,
  });
  const waits = {
    versions: [2],
    since: '2026-01-01T00:00:00.000Z',
    reason: 'the budget of tenant is spent',
  };
  world.indexes.waits = waits;
  expect((await world.call('GET', '/indexes/wiki', { as: 'viewer' })).body).toMatchObject({
    waiting: waits,
  });
  world.indexes.waits = null;
});

test('lists and shows indexes, and makes the previous version the champion again', async () => {
  expect((await world.call('GET', '/indexes', { as: 'viewer' })).body).toMatchObject({
    items: [{ name: 'wiki', versions: 2, champion: 2, changes: 0 }],
  });
  const { body } = await world.call<{ versions: object[] }>('GET', '/indexes/wiki', {
    as: 'viewer',
  });
  expect(body).toMatchObject({
    aliases: { champion: { version: 2 }, previous: { version: 1 } },
    versions: [
      {
        version: 2,
        state: 'ready',
        chunks: 12,
        documents: 8,
        report: { documents: 7, rejected: { empty: 2, binary: 1 } },
      },
      { version: 1 },
    ],
  });
  expect(body.versions[0]).not.toHaveProperty('tableVersion');
  expect((await world.call('GET', '/indexes/none', { as: 'viewer' })).body).toMatchObject({
    code: 'NotFound',
    next: 'perennial index list',
  });
  expect(
    (await world.call('POST', '/indexes/wiki/rollback', { as: 'viewer', body: {} })).status,
  ).toBe(403);
  const once = {
    as: 'operator',
    body: { reason: 'worse answers' },
    headers: { 'idempotency-key': 'back' },
  } as const;
  for (let time = 0; time < 2; time += 1)
    expect((await world.call('POST', '/indexes/wiki/rollback', once)).body).toMatchObject({
      from: 2,
      to: 1,
    });
  expect((await world.call('GET', '/indexes/wiki/history', { as: 'viewer' })).body).toMatchObject({
    items: [
      { kind: 'rollback', from: 2, to: 1, actor: 'operator', cause: 'worse answers' },
      { to: 2 },
      { to: 1 },
    ],
  });
  expect(
    (await world.call('GET', '/indexes/wiki/versions?pageSize=1', { as: 'viewer' })).body,
  ).toMatchObject({ items: [{ version: 2 }] });
});

test('the command line does the same and queries the gateway', async () => {
  const gateway = await answering({
    index: 'wiki',
    version: 1,
    embedder: { name: 'minilm' },
    hits: [{ documentId: 'whale', score: 0.8123, title: null, text: 'Whales\n swim.' }],
  });
  try {
    const settings = {
      apiUrl: world.url,
      gatewayUrl: gateway.url,
      apiKey: world.keys.admin,
      cwd: tmpdir(),
    };
    const cli = async (...args: readonly string[]) => {
      const { stdout, stderr, exitCode } = await cliAgainst(settings, ['index', ...args]);
      return `${exitCode} ${stdout}${stderr}`;
    };
    expect(await cli('list')).toMatch(/wiki +2 +@1 +0/);
    expect(await cli('show', 'wiki')).toMatch(
      /@1 +ready +champion +all-MiniLM-L6-v2-int8 +sentences 256 +flat +wiki\.documents@1 +8 +12 +7 on \d{4}-\d\d-\d\d +3[^]*MOVED[^]*rollback +@2 → @1 +operator +- +worse answers/,
    );
    expect(await cli('query', 'wiki', 'What swims?', '--of', '1')).toMatch(
      /^0 [^]*0\.812 +whale +Whales swim\.[^]*wiki@1, minilm/,
    );
    expect(gateway.asked).toEqual([
      {
        url: '/v1/indexes/wiki/query',
        body: { text: 'What swims?', k: 5, mode: 'vector', version: 1 },
      },
    ]);
    expect(await cli('rollback', 'wiki')).toMatch(
      /^1 [^]*wiki has no earlier version to go back to[^]*perennial index show wiki/,
    );
    expect(await cli('rollback', 'wiki', '--to', '@2', '--reason', 'better after all')).toContain(
      'wiki: @1 → @2',
    );
    expect(await cli('show', 'none')).toMatch(
      /^1 .*there is no index none[^]*perennial index list/,
    );
  } finally {
    gateway.server.close();
  }
});

test('accepts changes whole or not at all, once per key, and the sweeper applies them', async () => {
  const changes = '/indexes/wiki/changes';
  const whale = { id: 'whale', text: 'Whales sing.' };
  expect(
    (await world.call('POST', changes, { as: 'viewer', body: { documents: [whale] } })).status,
  ).toBe(403);
  const bad = { documents: [whale, { id: 'empty', text: ' ' }] };
  expect((await world.call('POST', changes, { as: 'operator', body: bad })).body).toMatchObject({
    detail: expect.stringContaining('document empty cannot be indexed: empty') as string,
  });
  const large = {
    documents: [whale, { id: 'encyclopaedia', text: 'word '.repeat((8 << 20) / 5 + 1) }],
  };
  expect((await world.call('POST', changes, { as: 'operator', body: large })).body).toMatchObject({
    detail: expect.stringMatching(
      /document encyclopaedia has .* bytes, more than the limit of 8388608 per change; no document was changed/,
    ) as string,
  });
  expect((await world.call('POST', changes, { as: 'operator', body: {} })).status).toBe(422);
  expect(
    (
      await world.call('POST', '/indexes/none/changes', {
        as: 'operator',
        body: { deleted: ['a'] },
      })
    ).status,
  ).toBe(404);
  world.indexes.away = true;
  const once = {
    as: 'operator',
    body: { documents: [whale], deleted: ['shark'] },
    headers: { 'idempotency-key': 'write' },
  } as const;
  for (let time = 0; time < 2; time += 1)
    expect(await world.call('POST', changes, once)).toMatchObject({
      status: 202,
      body: { index: 'wiki', seq: 1 },
    });
  world.indexes.away = false;
  expect(world.indexes.changes).toEqual([]);
  await sweep();
  expect(world.indexes.changes).toEqual(['wiki']);
  const [change] = await world.registry.indexes.changes.after({
    tenant,
    index: 'wiki',
    seq: 0,
    limit: 10,
  });
  expect(change).toMatchObject({ seq: 1, deleted: ['shark'] });
  const written = await world.artifacts.getBytes(change?.documents ?? (undefined as never));
  expect(JSON.parse(Buffer.from(written).toString())).toEqual({
    ...whale,
    title: null,
    source: null,
  });
});

test('retires an unused version and deletes its table, even after a crash', async () => {
  await built(3);
  const settings = { apiUrl: world.url, apiKey: world.keys.admin, cwd: tmpdir() };
  const cli = async (...args: readonly string[]) => {
    const { stdout, stderr, exitCode } = await cliAgainst(settings, ['index', ...args]);
    return `${exitCode} ${stdout}${stderr}`;
  };
  expect(await cli('retire', 'wiki', '3')).toMatch(
    /^1 [^]*wiki@3 is the champion, so its table is kept[^]*perennial index show wiki/,
  );
  world.indexes.away = true;
  expect(await cli('retire', 'wiki', '@1', '--reason', 'too old', '--json')).toMatch(
    /^0 [^]*"from":"ready"[^]*wiki@1 is retired; its table will be deleted/,
  );
  world.indexes.away = false;
  expect(world.indexes.removals).toEqual([]);
  await sweep();
  const removal = { tenant, index: 'wiki', version: 1, actor: 'admin', cause: 'too old' };
  expect(world.indexes.removals).toEqual([removal]);
  expect(await cli('retire', 'wiki', '1')).toMatch(/^0 /);
  expect(world.indexes.removals).toHaveLength(2);
  expect(await cli('show', 'wiki')).toMatch(/@1 +retired/);
  expect(await cli('change', 'wiki', '--delete', 'a', 'b')).toMatch(
    /^0 [^]*change 2 accepted, 0 documents added or changed, 2 deleted/,
  );
  expect(await cli('change', 'wiki')).toMatch(/^[12] [^]*a change needs documents/);
});

test('retires a version whose build was ended from outside once Temporal reports its end', async () => {
  const key = `build_${'a'.repeat(24)}`;
  const { version } = await opened(4, key);
  world.indexes.builds.push({ tenant, key } as IndexBuildInput);
  const path = `/indexes/wiki/versions/${version}/retire`;
  expect((await world.call('POST', path, { as: 'operator', body: {} })).body).toMatchObject({
    detail: expect.stringContaining('is being built') as string,
    next: `perennial index build-cancel wiki ${key}`,
  });
  world.indexes.readStatus = () => ({ status: 'failed', cause: 'Workflow execution terminated' });
  expect(await world.call('POST', path, { as: 'operator', body: {} })).toMatchObject({
    status: 202,
    body: { from: 'building' },
  });
});

const sweep = () =>
  sweepOutbox({
    registry: world.registry,
    lifecycles: world.lifecycles,
    schedules: fakeSchedules(),
    indexes: world.indexes,
    log: openLog('test', 'silent'),
  });

async function answering(
  body: object,
): Promise<{ readonly server: Server; readonly url: string; readonly asked: unknown[] }> {
  const asked: unknown[] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      asked.push({
        url: request.url,
        body: JSON.parse(Buffer.concat(pieces).toString()) as unknown,
      });
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}
