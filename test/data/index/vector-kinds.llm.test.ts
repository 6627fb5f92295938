/**
 * Each kind of vector index on the platform's S3, compared with an exhaustive search, and with
 * changed documents.
 */
import { embedChunks, chunkDocument } from '../../../data/index/chunk-document';
import type { ChunkRow } from '../../../data/index/chunk-rows';
import { openChunkStore, type ChunkStore } from '../../../data/index/chunk-store';
import type { ChunkHit, ChunkTable } from '../../../data/index/chunk-table';
import type { Embedder } from '../../../data/index/embedders/embedder';
import { openEmbedders } from '../../../data/index/embedders/open-embedder';
import { lanceDb } from '../../../data/index/lancedb';
import { buildAddress } from '../../../data/index/location';
import { llmDataPath } from '../../../data/language/runtime-module';
import { openArtifactStore } from '../../../data/artifact/store';
import { quoteText, withDuckDb } from '../../../data/sql/platform-sql';
import { defaultTenant as tenant } from '../../../domain/ids';
import { vectorKinds } from '../../../domain/index/vector-index';
import { cosine } from '../../../domain/language/dimension/similarity';
import { testBucket } from '../../support/platform';

jest.setTimeout(180_000);

const documents = 2000;
const plan = { kind: 'sentences', size: 64, overlap: 0 } as const;

interface Texts {
  readonly summaries: readonly { readonly id: string; readonly text: string }[];
  readonly questions: readonly string[];
}

const bucket = testBucket();
const embedders = openEmbedders();
let store: ChunkStore;
let embedder: Embedder;
let rows: readonly ChunkRow[];
let questions: readonly Float32Array[];

beforeAll(async () => {
  const artifacts = openArtifactStore({ ...bucket, leases: null });
  await artifacts.ensureBucket();
  artifacts.close();
  store = openChunkStore({ kind: 's3', s3: bucket });
  embedder = await embedders.get({ kind: 'wordllama' });
  const texts = await readTexts();
  rows = await embedRows(texts.summaries);
  questions = await embedder.embed(texts.questions);
});

afterAll(async () => {
  store.close();
  await embedders.close();
});

async function readTexts(): Promise<Texts> {
  return withDuckDb(
    async (sql) => ({
      summaries: await sql.rows<{ id: string; text: string }>(
        `SELECT id, text FROM ${quoteText(llmDataPath('wiki-summaries.parquet'))} ORDER BY md5(id) LIMIT ${documents}`,
      ),
      questions: (
        await sql.rows<{ question: string }>(
          `SELECT question FROM ${quoteText(llmDataPath('wiki-questions.parquet'))} ORDER BY id LIMIT 30`,
        )
      ).map(({ question }) => question),
    }),
    { memoryBytes: 512 << 20, threads: 1 },
  );
}

async function embedRows(summaries: Texts['summaries'], shard = 0): Promise<readonly ChunkRow[]> {
  const chunks = summaries.flatMap(({ id, text }) =>
    chunkDocument(
      { id, text, title: null, source: null },
      { plan, measureTokens: embedder.measureTokens, shard },
    ),
  );
  return (await embedChunks(chunks, { embedder, known: new Map() })).rows;
}

/** An exhaustive search without LanceDB. */
function exactly(
  vector: Float32Array,
  among: readonly ChunkRow[],
  k: number,
): readonly { readonly chunkId: string; readonly score: number }[] {
  return among
    .map((row) => ({ chunkId: row.chunkId, score: cosine(vector, row.vector) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, k);
}

async function measureRecall(
  table: ChunkTable,
  among: readonly ChunkRow[],
  k: number,
  error: number,
): Promise<number> {
  let found = 0;
  for (const vector of questions) {
    const right = exactly(vector, among, k);
    const hits = await table.nearest({ vector, k });
    expect(hits).toHaveLength(k);
    expectCosines(hits, vector, among, error);
    found += hits.filter(({ chunkId }) => right.some((each) => each.chunkId === chunkId)).length;
  }
  return found / (k * questions.length);
}

/** For every kind of index a hit has its cosine, best first. */
function expectCosines(
  hits: readonly ChunkHit[],
  vector: Float32Array,
  among: readonly ChunkRow[],
  error: number,
): void {
  const vectors = new Map(among.map((row) => [row.chunkId, row.vector]));
  for (const [place, { chunkId, score }] of hits.entries()) {
    expect(
      Math.abs(score - cosine(vector, vectors.get(chunkId) ?? new Float32Array(vector.length))),
    ).toBeLessThan(error);
    expect(score).toBeLessThanOrEqual(hits[place - 1]?.score ?? 1.0001);
  }
}

async function readIndexType(index: string): Promise<string | undefined> {
  const { uri, storageOptions } = buildAddress({ kind: 's3', s3: bucket }, { tenant, index });
  const connection = await lanceDb().connect(uri, { storageOptions });
  const table = await connection.openTable('v1');
  const found = (await table.listIndices()).find(({ columns }) =>
    columns.includes('vector'),
  )?.indexType;
  table.close();
  connection.close();
  return found;
}

const expected = {
  flat: { type: 'IvfFlat', recall: 1, error: 1e-4 },
  hnsw: { type: 'IvfHnswSq', recall: 0.95, error: 0.01 },
  ivfPq: { type: 'IvfPq', recall: 0.95, error: 1e-4 },
} as const;

describe.each(vectorKinds)('vectors found by %s', (kind) => {
  const name = { tenant, index: `kinds-${kind}`, version: 1 };
  let noted: number;

  beforeAll(async () => {
    const table = await store.create(name, {
      embedder: embedder.identity.digest,
      dimensions: embedder.identity.dimensions,
    });
    await table.putShard(0, rows);
    await table.buildIndexes(kind);
    noted = await table.tableVersion();
    table.close();
  });

  test('include nearly all of the nearest, with their cosines', async () => {
    expect(await readIndexType(name.index)).toBe(expected[kind].type);
    const table = await store.open(name, noted);
    for (const k of [5, 10])
      expect(await measureRecall(table, rows, k, expected[kind].error)).toBeGreaterThanOrEqual(
        expected[kind].recall,
      );
    table.close();
  });

  test('follow added, changed and deleted documents, before and after a compaction', async () => {
    const [changed, gone] = [rows[0]?.documentId ?? '', rows.at(-1)?.documentId ?? ''];
    expect(changed).not.toBe(gone);
    const came = await embedRows(
      [
        {
          id: changed,
          text: 'The harbour pilot steers large ships through the narrow strait at night.',
        },
        { id: 'came', text: 'A beekeeper moves her hives to the lavender fields in early summer.' },
      ],
      -1,
    );
    const table = await store.open(name);
    const state = await table.replaceDocuments([changed, gone, 'came'], came);
    const now = [
      ...rows.filter(({ documentId }) => documentId !== changed && documentId !== gone),
      ...came,
    ];
    expect(state.chunks).toBe(now.length);
    const compacted = await table.compact(state.tableVersion);
    table.close();
    for (const { tableVersion } of [state, compacted]) {
      const at = await store.open(name, tableVersion);
      for (const { vector, chunkId } of came)
        expect((await at.nearest({ vector, k: 3 }))[0]?.chunkId).toBe(chunkId);
      // Queried with their own vectors, deleted chunks would be the nearest.
      for (const { vector, chunkId } of rows.filter(
        ({ documentId }) => documentId === gone || documentId === changed,
      )) {
        const hits = await at.nearest({ vector, k: 10 });
        expect(
          hits.filter(
            (hit) => hit.documentId === gone || (hit.chunkId === chunkId && hit.score > 0.98),
          ),
        ).toEqual([]);
      }
      expect(await measureRecall(at, now, 10, expected[kind].error)).toBeGreaterThanOrEqual(
        expected[kind].recall,
      );
      at.close();
    }
    const after = await store.open(name, compacted.tableVersion);
    expect(await after.unindexedRows()).toBe(0);
    after.close();
  });
});

test('three chunks are found by every kind of index that can be built for them', async () => {
  for (const kind of ['flat', 'hnsw'] as const) {
    const few = rows.slice(0, 3);
    const table = await store.create(
      { tenant, index: `few-${kind}`, version: 1 },
      { embedder: embedder.identity.digest, dimensions: embedder.identity.dimensions },
    );
    await table.putShard(0, few);
    await table.buildIndexes(kind);
    const [vector = new Float32Array()] = questions;
    expect((await table.nearest({ vector, k: 10 })).map(({ chunkId }) => chunkId)).toEqual(
      exactly(vector, few, 3).map(({ chunkId }) => chunkId),
    );
    table.close();
  }
});
