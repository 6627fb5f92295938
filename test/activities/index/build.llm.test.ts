import { readSpace, toArrow, type ChunkRow } from '../../../data/index/chunk-rows';
import type { ChunkTable } from '../../../data/index/chunk-table';
import type { ChunkStore } from '../../../data/index/chunk-store';
import { lanceDb } from '../../../data/index/lancedb';
import type { Embedder } from '../../../data/index/embedders/embedder';
import { buildAddress } from '../../../data/index/location';
import type { Digest } from '../../../domain/artifact';
import { chunkText } from '../../../domain/index/chunking';
import { defaultTenant as tenant, type IdempotencyKey } from '../../../domain/ids';
import { unique } from '../../db/registry-fixture';
import {
  complete,
  fill,
  library,
  openIndexWorld,
  promote,
  sentences,
  wordllama,
  type IndexWorld,
} from '../../support/language/index-world';

let world: IndexWorld;
beforeAll(async () => {
  world = await openIndexWorld();
});
afterAll(() => world.close());

const ask = (
  index: string,
  text: string,
  mode: 'vector' | 'text' | 'hybrid' = 'hybrid',
  version?: number,
) =>
  world.reader.query({
    tenant,
    index,
    text,
    k: 3,
    mode,
    ...(version === undefined ? {} : { version }),
  });
const first = async (...asked: Parameters<typeof ask>) => (await ask(...asked)).hits[0]?.documentId;

async function served(index = unique('index')) {
  const dataset = await world.dataset(`${index}.documents`, library);
  const filled = await fill(world, index, dataset);
  await complete(world, filled);
  await promote(world, filled);
  return { index, dataset, filled };
}

/** Writes the rows of the shard again without any check, as a zombie worker does. */
async function writtenAgain(
  at: { readonly index: string; readonly version: number },
  shard: number,
): Promise<void> {
  const { uri, storageOptions } = buildAddress(
    { kind: 's3', s3: world.s3 },
    { tenant, index: at.index },
  );
  const connection = await lanceDb().connect(uri, { storageOptions });
  const table = await connection.openTable(`v${at.version}`);
  const rows = await table.query().where(`shard = ${shard}`).select(rowColumns).toArray();
  const space = readSpace(await table.schema());
  if (space === null || rows.length === 0) throw new Error('there is no such shard');
  await table.add(toArrow(rows.map(toRow), space));
  table.close();
}

const rowColumns = [
  'chunk_id',
  'document_id',
  'digest',
  'shard',
  'ordinal',
  'start',
  'end',
  'title',
  'heading',
  'source',
  'text',
  'vector',
];

function toRow({
  chunk_id: chunkId,
  document_id: documentId,
  vector,
  ...row
}: Readonly<Record<string, unknown>>): ChunkRow {
  return {
    ...row,
    chunkId,
    documentId,
    vector: Float32Array.from(vector as Iterable<number>),
  } as unknown as ChunkRow;
}

async function audited(at: {
  readonly tenant: typeof tenant;
  readonly index: string;
  readonly version: number;
}) {
  const table = await world.deps.chunkStore.open(at);
  return table.audit().finally(() => table.close());
}

/** A store whose tables fail at a step. */
function dying(when: (table: ChunkTable) => Partial<ChunkTable>): ChunkStore {
  const { chunkStore } = world.deps;
  return { ...chunkStore, open: async (...at) => open(await chunkStore.open(...at)) };
  function open(table: ChunkTable): ChunkTable {
    return { ...table, ...when(table) };
  }
}

describe('an index', () => {
  test("is searched by meaning, by words and by both, with citations, from the platform's S3", async () => {
    const { index, filled } = await served();
    for (const mode of ['vector', 'text', 'hybrid'] as const) {
      expect(await first(index, 'the largest animal in the sea', mode)).toBe('whale');
      expect(await first(index, 'Who discovered penicillin?', mode)).toBe('penicillin');
    }
    for (const words of [
      '"blue whale"',
      '"whale',
      'whale AND (NOT bread',
      'text:whale*',
      "whale'); --",
    ])
      expect(await first(index, words, 'text')).toBe('whale');
    for (const nothing of ['"…"', 'the of', '日本'])
      expect((await ask(index, nothing, 'text')).hits).toEqual([]);
    const { hits, version, embedder } = await ask(index, 'Which instrument did Stradivari build?');
    expect(hits[0]).toMatchObject({
      documentId: 'violin',
      title: 'violin',
      source: 'https://example.org/violin',
      foundBy: ['vector', 'text'],
    });
    const text = library.find(({ id }) => id === 'violin')?.text ?? '';
    expect(text.slice(hits[0]?.start, hits[0]?.end)).toBe(hits[0]?.text);
    expect({ version, embedder }).toMatchObject({
      version: filled.at.version,
      embedder: { name: 'wordllama-256', dimensions: 256 },
    });
  });

  test('rejects a question from another vector space', async () => {
    const { index } = await served();
    const { embedder } = await ask(index, 'bread');
    const values = new Float32Array(256).fill(0.1);
    const query = (vector: { values: Float32Array; embedder: Digest }) =>
      world.reader.query({ tenant, index, vector, k: 3, mode: 'vector' });
    await expect(query({ values, embedder: 'sha256:other' })).rejects.toMatchObject({
      type: 'IndexMismatch',
    });
    await expect(
      query({ values: values.subarray(1), embedder: embedder.digest }),
    ).rejects.toMatchObject({
      type: 'IndexMismatch',
    });
    await expect(
      query({ values: values.fill(NaN), embedder: embedder.digest }),
    ).rejects.toMatchObject({ type: 'IndexMismatch' });
    await expect(
      world.deps.chunkStore.create(
        { tenant, index, version: 1 },
        { embedder: 'sha256:other', dimensions: 256 },
      ),
    ).rejects.toMatchObject({
      type: 'IndexMismatch',
    });
    await expect(ask('no-such-index', 'bread')).rejects.toMatchObject({ type: 'NotFound' });
  });

  test('rejects an embedder that has changed', async () => {
    const { index } = await served();
    const real = await world.deps.embedders.get(wordllama);
    const other = { ...real, identity: { ...real.identity, digest: 'sha256:other' as never } };
    const filled = await fill(
      world,
      index,
      await world.dataset(`${index}.documents`, library.slice(1)),
    );
    const embedders = { get: () => Promise.resolve(other), close: () => Promise.resolve() };
    const input = {
      ...filled.at,
      maxDocumentBytes: 1 << 20,
      key: unique('key') as IdempotencyKey,
      plan: filled.planned.plan,
      shard: 0,
      base: null,
    };
    await expect(world.run('buildIndexShard', input, { embedders })).rejects.toMatchObject({
      type: 'IndexMismatch',
    });
  });
});

describe('building an index', () => {
  test.each([
    ['before the write', () => ({ putShard: () => Promise.reject(new Error('killed')) })],
    [
      'after the write and before the answer',
      (table: ChunkTable) => ({
        putShard: async (...at: Parameters<ChunkTable['putShard']>) => {
          await table.putShard(...at);
          throw new Error('killed');
        },
      }),
    ],
  ])('a worker that is killed at any shard %s loses and repeats nothing', async (_, death) => {
    const index = unique('index');
    const dataset = await world.dataset(`${index}.documents`, library);
    const key = unique(index) as IdempotencyKey;
    const { version } = await world.run('openIndexVersion', {
      tenant,
      index,
      key,
      runId: null,
      actor: 'a',
      dataset,
      embedder: wordllama,
      chunking: sentences,
    });
    const at = { tenant, index, version, maxDocumentBytes: 1 << 20 };
    const { plan, shards } = await world.run('planIndexBuild', {
      ...at,
      shardDocuments: 1,
      maxRejectedShare: 0,
    });
    expect(shards).toBe(library.length);
    const chunks: number[] = [];
    for (let shard = 0; shard < shards; shard += 1) {
      const input = { ...at, key: `${key}/${shard}` as IdempotencyKey, plan, shard, base: null };
      await expect(
        world.run('buildIndexShard', input, { chunkStore: dying(death) }),
      ).rejects.toThrow('killed');
      chunks.push((await world.run('buildIndexShard', input)).chunks);
      expect((await world.run('buildIndexShard', input)).chunks).toBe(chunks[shard]);
    }
    expect(
      await world.run('finishIndexTable', { ...at, chunks, vectors: { kind: 'flat' } }),
    ).toMatchObject({
      kind: 'complete',
      documents: library.length,
      chunks: chunks.reduce((sum, each) => sum + each, 0),
    });
  });

  test('a duplicated or lost shard is detected and written again', async () => {
    const index = unique('index');
    const filled = await fill(world, index, await world.dataset(`${index}.documents`, library));
    const { at, chunks, key, planned } = filled;
    const table = await world.deps.chunkStore.open(at);
    await table.putShard(1, []);
    expect(
      await world.run('finishIndexTable', { ...at, chunks, vectors: { kind: 'flat' } }),
    ).toEqual({ kind: 'damaged', shards: [1] });
    const input = {
      ...at,
      maxDocumentBytes: 1 << 20,
      key: `${key}/1/2` as IdempotencyKey,
      plan: planned.plan,
      shard: 1,
      base: null,
    };
    await world.run('buildIndexShard', input);
    expect((await complete(world, filled)).finished).toMatchObject({ kind: 'complete' });
    table.close();
  });

  test('a late write of another worker before indexing is detected before it is served', async () => {
    const index = unique('index');
    const filled = await fill(world, index, await world.dataset(`${index}.documents`, library));
    const { at, chunks, key, planned } = filled;
    const late = dying((table) => ({
      buildIndexes: async (...given) => {
        await writtenAgain(at, 1);
        await table.buildIndexes(...given);
      },
    }));
    const finish = { ...at, chunks, vectors: { kind: 'flat' as const } };
    expect(await world.run('finishIndexTable', finish, { chunkStore: late })).toEqual({
      kind: 'damaged',
      shards: [1],
    });
    const input = {
      ...at,
      maxDocumentBytes: 1 << 20,
      key: `${key}/1/2` as IdempotencyKey,
      plan: planned.plan,
      shard: 1,
      base: null,
    };
    await world.run('buildIndexShard', input);
    expect((await complete(world, filled)).finished).toMatchObject({ kind: 'complete' });
    expect((await audited(at)).duplicates).toEqual([]);
  });

  test('embeds only changed documents, and leaves out deleted ones', async () => {
    const { index, filled } = await served();
    const changed = library
      .filter(({ id }) => id !== 'chess')
      .map((each) =>
        each.id === 'bread' ? { ...each, text: `${each.text} Rye makes it dark.` } : each,
      );
    const next = await fill(world, index, await world.dataset(`${index}.documents`, changed));
    expect(next.base).toEqual({
      version: filled.at.version,
      tableVersion: expect.any(Number) as number,
    });
    expect(next.embedded).toBe(1);
    await complete(world, next);
    await promote(world, next);
    expect(await first(index, 'rye bread')).toBe('bread');
    expect(
      (await ask(index, 'a board game for two players')).hits.map(({ documentId }) => documentId),
    ).not.toContain('chess');
    // A rollback only moves the alias, so it takes almost no time.
    const before = performance.now();
    await world.deps.registry.indexes.rollback({
      tenant,
      index,
      actor: 'key:ada',
      cause: 'bad',
      idempotencyKey: unique('back'),
    });
    expect(await first(index, 'a board game for two players')).toBe('chess');
    expect(performance.now() - before).toBeLessThan(5000);
  });

  test('counts headings within the size of their chunk', async () => {
    const index = unique('index');
    const body = 'Whales sing in the sea. They dive. '.repeat(10);
    const documents = ['Songs of whales', 'of the many songs '.repeat(6)].map((heading, at) => ({
      id: `${at}`,
      text: `# ${heading}\n\n${body}`,
    }));
    const dataset = await world.dataset(`${index}.documents`, documents);
    const plan = { kind: 'paragraphs', size: 24 } as const;
    const { measureTokens } = await world.deps.embedders.get(wordllama);
    const built = await fill(world, index, dataset, { chunking: plan });
    const chunks = documents.map(({ text }) => chunkText(text, plan, measureTokens).length);
    expect(built.chunks).toEqual([chunks.reduce((sum, each) => sum + each, 0)]);
    // The heading of the second document is longer than half of the size.
    expect(built.shortened).toBe(chunks[1]);
  });

  test('lists and counts documents that cannot be indexed', async () => {
    const index = unique('index');
    const good = Buffer.from(library.map((each) => `${JSON.stringify(each)}\n`).join(''));
    const row = (value: unknown) => Buffer.from(`${JSON.stringify(value)}\n`);
    const rows = [
      row({ id: 'empty', text: '  \n ' }),
      row({ id: 'nothing' }),
      row({ text: 'no id' }),
      row({ id: 'whale', text: 'again' }),
      row({ id: 'binary', text: 'a\0b' }),
      row({ id: 'controls', text: '\u0001\u0002\u0003abc' }),
      row({ id: 'doubled', text: 'CafÃ© Ã¼ber naÃ¯ve' }),
      Buffer.from([...Buffer.from('{"id":"latin","text":"caf'), 0xe9, ...Buffer.from('"}\n')]),
      Buffer.from('{"id": "cut", "text": "no end\n'),
      Buffer.concat([
        Buffer.from('{"id":"large","text":"'),
        Buffer.alloc(200 << 20, 'word '),
        Buffer.from('"}\n'),
      ]),
    ];
    const dataset = await world.dataset(`${index}.documents`, Buffer.concat([good, ...rows]));
    const { planned } = await fill(world, index, dataset, { maxRejectedShare: 0.6 });
    expect(planned).toMatchObject({
      documents: library.length,
      rejected: {
        empty: 2,
        withoutId: 1,
        duplicateId: 1,
        binary: 2,
        encoding: 2,
        unreadable: 1,
        tooLarge: 1,
      },
    });
    await expect(
      fill(world, index, await world.dataset(`${index}.empty`, Buffer.concat(rows.slice(0, 2)))),
    ).rejects.toMatchObject({
      type: 'DatasetEmpty',
    });
    await expect(
      fill(
        world,
        index,
        await world.dataset(`${index}.bad`, Buffer.concat([row(library[0]), ...rows.slice(0, 2)])),
      ),
    ).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining('2 of 3 documents') as string,
    });
  });
});

describe('changes of documents', () => {
  const change = async (
    index: string,
    documents: readonly Readonly<Record<string, unknown>>[],
    deleted: readonly string[] = [],
  ) =>
    world.deps.registry.indexes.changes.append({
      tenant,
      index,
      deleted,
      actor: 'key:ada',
      idempotencyKey: unique('change'),
      documents: documents.length === 0 ? null : await world.documents(documents),
    });
  const apply = (at: { tenant: typeof tenant; index: string; version: number }, given = {}) =>
    world.run('applyIndexChanges', { ...at, maxDocumentBytes: 1 << 20 }, given);

  test('reach the champion and the version that is being built', async () => {
    const { index, filled, dataset } = await served();
    const beside = await fill(world, index, dataset, {
      chunking: { kind: 'tokens', size: 32, overlap: 8 },
    });
    await change(
      index,
      [{ id: 'comet', text: 'A comet is an icy body that grows a tail near the sun.' }],
      ['whale'],
    );
    await change(index, [
      { id: 'bread', text: 'Bread was forbidden.' },
      { id: 'chess', text: ' ' },
    ]);
    await apply(filled.at);
    // It is sealed only with the changes that arrived during the build.
    const { sealed } = await complete(world, beside);
    expect(sealed).toEqual({ kind: 'ready' });
    for (const version of [filled.at.version, beside.at.version]) {
      expect(await first(index, 'an icy body near the sun', 'hybrid', version)).toBe('comet');
      expect(await first(index, 'bread', 'text', version)).toBe('bread');
      const found = (
        await world.reader.query({
          tenant,
          index,
          version,
          text: 'whale animal chess board baked flour',
          k: 50,
          mode: 'hybrid',
        })
      ).hits;
      expect(found.map(({ documentId }) => documentId)).not.toContain('whale');
      expect(found.map(({ documentId }) => documentId)).not.toContain('chess');
      expect(
        found.filter(({ documentId }) => documentId === 'bread').map(({ text }) => text),
      ).toEqual(['Bread was forbidden.']);
    }
  });

  test('leave a document unchanged when its change is too large', async () => {
    const { index, filled } = await served();
    await change(index, [{ id: 'whale', text: 'Whales sing. '.repeat((1 << 20) / 13 + 1) }]);
    expect(await apply(filled.at)).toEqual({ applied: 1, more: false });
    expect(await first(index, 'the largest animal')).toBe('whale');
  });

  test('are repeated without duplicates when a worker is killed before it records one', async () => {
    const { index, filled } = await served();
    await change(
      index,
      [{ id: 'comet', text: 'A comet is an icy body. It grows a tail near the sun.' }],
      ['whale'],
    );
    const died = dying((table) => ({
      replaceDocuments: async (...given) => {
        await table.replaceDocuments(...given);
        throw new Error('killed');
      },
    }));
    await expect(apply(filled.at, { chunkStore: died })).rejects.toThrow('killed');
    // Questions are answered from the recorded state, so a partial change is invisible.
    expect(await first(index, 'the largest animal')).toBe('whale');
    expect(await apply(filled.at)).toEqual({ applied: 1, more: false });
    expect(await apply(filled.at)).toEqual({ applied: 1, more: false });
    expect((await world.deps.registry.indexes.get(filled.at))?.applied).toBe(1);
    const table = await world.deps.chunkStore.open(filled.at);
    expect((await table.audit()).duplicates).toEqual([]);
    expect((await table.readVectors(['comet'])).size).toBe(1);
    table.close();
  });

  test('never serve a late shard of another worker, and the next change removes it', async () => {
    const { index, filled } = await served();
    const before = (await audited(filled.at)).chunks;
    await writtenAgain(filled.at, 0);
    expect((await audited(filled.at)).duplicates).not.toEqual([]);
    const { hits } = await ask(index, 'the largest animal', 'vector');
    expect(new Set(hits.map(({ chunkId }) => chunkId)).size).toBe(hits.length);
    await change(index, [{ id: 'comet', text: 'A comet is an icy body.' }]);
    await apply(filled.at);
    expect(await audited(filled.at)).toEqual({
      chunks: before + 1,
      documents: library.length + 1,
      duplicates: [],
    });
    expect(await world.deps.registry.indexes.get(filled.at)).toMatchObject({
      documents: library.length + 1,
    });
    expect(await first(index, 'an icy body')).toBe('comet');
  });

  test('are repeated when another writer interferes', async () => {
    const { index, filled } = await served();
    await change(index, [{ id: 'comet', text: 'A comet is an icy body.' }], ['whale']);
    const beside = dying((table) => ({
      replaceDocuments: async (...given) => {
        const merging = table.replaceDocuments(...given);
        await writtenAgain(filled.at, 0);
        return merging;
      },
    }));
    // Its write may fall before, during or after the change. It is never in the recorded state.
    await apply(filled.at, { chunkStore: beside }).catch((error: unknown) => {
      expect(error).toMatchObject({
        type: expect.stringMatching(/^(IndexIncomplete|StorageUnavailable)$/) as string,
      });
    });
    await apply(filled.at);
    const { hits } = await ask(
      index,
      'body animal volcano violin bread glacier chess penicillin',
      'hybrid',
    );
    expect(new Set(hits.map(({ chunkId }) => chunkId)).size).toBe(hits.length);
    expect(await first(index, 'an icy body')).toBe('comet');
    const record = await world.deps.registry.indexes.get(filled.at);
    const table = await world.deps.chunkStore.open(filled.at, record?.tableVersion ?? 0);
    expect(await table.count()).toBe(record?.chunks);
    table.close();
  });

  test('leave no table and no orphaned artifact after a failed build, only its row', async () => {
    const index = unique('index');
    const { at, planned } = await fill(
      world,
      index,
      await world.dataset(`${index}.documents`, library),
    );
    const end = { ...at, state: 'failed', actor: 'key:ada', cause: 'test' } as const;
    await world.run('endIndexVersion', end);
    await world.run('endIndexVersion', end);
    await expect(world.deps.chunkStore.open(at)).rejects.toMatchObject({ type: 'NotFound' });
    expect((await world.deps.registry.indexes.get(at))?.state).toBe('failed');
    const input = {
      ...at,
      maxDocumentBytes: 1 << 20,
      key: unique('late') as IdempotencyKey,
      plan: planned.plan,
      shard: 0,
      base: null,
    };
    await expect(world.run('buildIndexShard', input)).rejects.toMatchObject({ type: 'FencedOff' });
    const answering = await served();
    await expect(
      world.run('endIndexVersion', {
        ...answering.filled.at,
        state: 'retired',
        actor: 'a',
        cause: 'b',
      }),
    ).rejects.toMatchObject({
      type: 'Conflict',
    });
  });

  test('keep the cases of a build as long as its version', async () => {
    const { artifacts } = world.registry;
    const index = unique('index');
    const key = unique('build') as IdempotencyKey;
    const cases = await world.documents([{ id: unique('case') }]);
    await artifacts.reference({ tenant, digest: cases.digest, by: `index-build:${key}` });
    const dataset = await world.dataset(`${index}.documents`, library);
    const opening = {
      tenant,
      index,
      key,
      runId: null,
      actor: 'ada',
      dataset,
      embedder: wordllama,
      chunking: sentences,
      cases,
    };
    const { version } = await world.run('openIndexVersion', opening);
    expect(await world.run('openIndexVersion', opening)).toMatchObject({ version });
    expect(await artifacts.unreference({ tenant, by: `index-build:${key}` })).toBe(0);
    const digest = cases.digest;
    expect(await artifacts.unreference({ tenant, by: `index:${index}@${version}`, digest })).toBe(
      1,
    );
  });

  test('release the cases of a build without a version, idempotently', async () => {
    const key = unique('build') as IdempotencyKey;
    const { digest } = await world.documents([{ id: unique('case') }]);
    await world.registry.artifacts.reference({ tenant, digest, by: `index-build:${key}` });
    for (let time = 0; time < 2; time += 1) await world.run('releaseIndexOrder', { tenant, key });
    expect(await world.registry.artifacts.unreference({ tenant, by: `index-build:${key}` })).toBe(
      0,
    );
  });

  test('are compacted during queries, with the same rows before and after', async () => {
    const { index, filled } = await served();
    await change(
      index,
      [{ id: 'comet', text: 'A comet is an icy body that grows a tail near the sun.' }],
      ['whale'],
    );
    await apply(filled.at);
    const before = await noted(filled.at);
    expect(before.unindexed).toBe(1);
    const asked = ['an icy body near the sun', 'bread of flour', 'a wooden instrument'];
    const answers = () =>
      Promise.all(
        asked.map(async (text) =>
          (await ask(index, text, 'hybrid')).hits.map(({ documentId }) => documentId),
        ),
      );
    const right = await answers();
    const seen: unknown[] = [];
    let going = true;
    const asking = (async () => {
      while (going) seen.push(await answers());
    })();
    expect(await compact(filled.at, 2)).toEqual({ compacted: false, unindexed: 1 });
    expect(await compact(filled.at)).toEqual({ compacted: true, unindexed: 1 });
    going = false;
    await asking;
    expect(seen.length).toBeGreaterThan(0);
    for (const each of seen) expect(each).toEqual(right);
    expect(await answers()).toEqual(right);
    const after = await noted(filled.at);
    expect(after).toMatchObject({ unindexed: 0, applied: before.applied, chunks: before.chunks });
    expect(after.tableVersion).toBeGreaterThan(before.tableVersion);
    expect(await compact(filled.at)).toEqual({ compacted: false, unindexed: 0 });
    // A reader of the old state continues with it.
    const old = await world.deps.chunkStore.open(filled.at, before.tableVersion);
    expect(await old.count()).toBe(before.chunks);
    expect((await old.matching('icy', 3)).map(({ documentId }) => documentId)).toEqual(['comet']);
    old.close();
  });

  test('never serve a compaction whose worker was killed, and repeat it', async () => {
    const { index, filled } = await served();
    await change(index, [{ id: 'comet', text: 'A comet is an icy body.' }]);
    await apply(filled.at);
    const before = await noted(filled.at);
    const killed = (when: 'before' | 'after') =>
      dying((table) => ({
        compact: async (state) => {
          if (when === 'after') await table.compact(state);
          throw new Error(`killed ${when}`);
        },
      }));
    for (const when of ['before', 'after'] as const) {
      await expect(compact(filled.at, 1, { chunkStore: killed(when) })).rejects.toThrow(
        `killed ${when}`,
      );
      expect(await noted(filled.at)).toEqual(before);
      expect(await first(index, 'an icy body')).toBe('comet');
    }
    // A change that comes first starts from the recorded state.
    await change(
      index,
      [{ id: 'tide', text: 'The tide is the rise and fall of the sea.' }],
      ['comet'],
    );
    await apply(filled.at);
    expect(await compact(filled.at)).toMatchObject({ compacted: true });
    expect(await audited(filled.at)).toMatchObject({
      documents: library.length + 1,
      duplicates: [],
    });
    expect(await first(index, 'the rise and fall of the sea')).toBe('tide');
    expect(
      (await ask(index, 'an icy body', 'text')).hits.map(({ documentId }) => documentId),
    ).not.toContain('comet');
  });

  test('do not record a compaction that a change has overtaken', async () => {
    const { index, filled } = await served();
    await change(index, [{ id: 'comet', text: 'A comet is an icy body.' }]);
    await apply(filled.at);
    await change(index, [{ id: 'tide', text: 'The tide is the rise and fall of the sea.' }]);
    const overtaken = dying((table) => ({
      compact: async (state) => {
        const compacted = await table.compact(state);
        await apply(filled.at);
        return compacted;
      },
    }));
    await expect(compact(filled.at, 1, { chunkStore: overtaken })).rejects.toMatchObject({
      type: 'FencedOff',
    });
    expect(await first(index, 'the rise and fall of the sea')).toBe('tide');
    expect(await first(index, 'an icy body')).toBe('comet');
    expect(await compact(filled.at)).toMatchObject({ compacted: true });
    expect(await audited(filled.at)).toMatchObject({
      documents: library.length + 2,
      duplicates: [],
    });
  });

  const compact = (
    at: { tenant: typeof tenant; index: string; version: number },
    atLeast = 1,
    given = {},
  ) => world.run('compactIndexVersion', { ...at, atLeast }, given);

  async function noted(at: {
    readonly tenant: typeof tenant;
    readonly index: string;
    readonly version: number;
  }) {
    const { tableVersion, applied, chunks } = (await world.deps.registry.indexes.get(at)) ?? {};
    const table = await world.deps.chunkStore.open(at, tableVersion ?? 0);
    const unindexed = await table.unindexedRows().finally(() => table.close());
    return { tableVersion: tableVersion ?? 0, applied, chunks: chunks ?? 0, unindexed };
  }
});

test("builds, comparisons and changes with a paid embedder stay within the operator's limits", async () => {
  const real = await world.deps.embedders.get(wordllama);
  const scopes: (string | undefined)[] = [];
  const paid: Embedder = {
    ...real,
    embed(texts, options) {
      const entry = options?.payer?.entry;
      scopes.push(
        entry &&
          `${entry.owner.execution.split('/')[0] ?? ''} ${entry.budgets.map(({ scope, unit }) => `${scope} ${unit}`).join()}`,
      );
      return real.embed(texts, options);
    },
  };
  const given = { embedders: { get: () => Promise.resolve(paid), close: () => Promise.resolve() } };
  await world.registry.budgets.set({ tenant, scope: 'provider/paid', unit: 'usd', limit: 1_000 });
  const index = unique('paid');
  const embedder = {
    kind: 'endpoint',
    provider: 'paid',
    model: 'm',
    dimensions: 256,
    maxTokens: 512,
  } as const;
  const filled = await fill(world, index, await world.dataset(`${index}.documents`, library), {
    embedder,
    given,
  });
  await complete(world, filled, given);
  await promote(world, filled);
  const documents = await world.documents([{ id: 'comet', text: 'A comet is an icy body.' }]);
  await world.registry.indexes.changes.append({
    tenant,
    index,
    documents,
    deleted: [],
    actor: 'ada',
    idempotencyKey: unique('change'),
  });
  await world.run('applyIndexChanges', { ...filled.at, maxDocumentBytes: 1 << 20 }, given);
  const questions = await world.dataset(`${index}.questions`, [
    { id: '1', question: 'What is icy?', documents: ['comet'] },
  ]);
  const rule = { metric: 'recall@5', margin: 0.1, confidence: 0.95, minQuestions: 1 } as const;
  const builds = { scope: 'index-build/b', unit: 'usd' } as const;
  await world.run(
    'measureIndexParity',
    { ...filled.at, rule, questions, mode: 'vector', budgets: [builds] },
    given,
  );
  const shard = `${index} provider/paid usd`;
  expect(scopes).toEqual([
    shard,
    shard,
    shard,
    'change provider/paid usd',
    'parity index-build/b usd,provider/paid usd',
  ]);
});
