/**
 * The vector index of a table after many compactions is as fast and as exact as a newly built
 * one.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChunkRow } from '../../../data/index/chunk-rows';
import { openChunkStore, type ChunkStore } from '../../../data/index/chunk-store';
import type { ChunkTable } from '../../../data/index/chunk-table';
import { normalize } from '../../../data/index/embedders/embedder';
import { lanceDb } from '../../../data/index/lancedb';
import { buildAddress } from '../../../data/index/location';
import { sha256 } from '../../../data/digest';
import { defaultTenant as tenant } from '../../../domain/ids';
import { vectorKinds } from '../../../domain/index/vector-index';
import { seededRandom } from '../../../domain/statistics/random';

jest.setTimeout(180_000);

const space = { embedder: sha256('random'), dimensions: 16 };
let path: string;
let store: ChunkStore;

beforeAll(async () => {
  path = await mkdtemp(join(tmpdir(), 'compaction-'));
  store = openChunkStore({ kind: 'directory', path });
});

afterAll(async () => {
  store.close();
  await rm(path, { recursive: true, force: true });
});

const random = seededRandom([7, 7, 7, 7]);
const vector = () =>
  normalize(Float32Array.from({ length: space.dimensions }, () => random() - 0.5));

function buildRows(documents: number, prefix: string, shard: number): readonly ChunkRow[] {
  return Array.from({ length: documents }, (_, place): ChunkRow => {
    const documentId = `${prefix}${place}`;
    const text = `text of ${documentId}`;
    return {
      chunkId: `${documentId}#0`,
      documentId,
      digest: sha256(text),
      shard,
      ordinal: 0,
      start: 0,
      end: text.length,
      title: null,
      heading: null,
      source: null,
      text,
      vector: vector(),
    };
  });
}

async function builtTable(
  index: string,
  kind: (typeof vectorKinds)[number],
  rows: readonly ChunkRow[],
): Promise<ChunkTable> {
  const table = await store.create({ tenant, index, version: 1 }, space);
  await table.putShard(0, rows);
  await table.buildIndexes(kind);
  return table;
}

async function changedAndCompacted(table: ChunkTable, rows: readonly ChunkRow[]): Promise<number> {
  const { tableVersion } = await table.replaceDocuments(
    rows.map(({ documentId }) => documentId),
    rows,
  );
  return (await table.compact(tableVersion)).tableVersion;
}

async function vectorIndexIn(
  index: string,
): Promise<{ readonly type: string | undefined; readonly segments: number | undefined }> {
  const connection = await lanceDb().connect(
    buildAddress({ kind: 'directory', path }, { tenant, index }).uri,
    {},
  );
  const table = await connection.openTable('v1');
  const found = (await table.listIndices()).find(({ columns }) => columns.includes('vector'));
  table.close();
  connection.close();
  return { type: found?.indexType, segments: found?.numSegments };
}

function findNearest(asked: Float32Array, rows: readonly ChunkRow[], k: number): readonly string[] {
  const cosine = (row: ChunkRow) =>
    row.vector.reduce((sum, value, place) => sum + value * (asked[place] ?? 0), 0);
  return rows
    .map((row) => ({ id: row.chunkId, score: cosine(row) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, k)
    .map(({ id }) => id);
}

async function recallAt10(
  table: ChunkTable,
  rows: readonly ChunkRow[],
  probes?: number,
): Promise<number> {
  let found = 0;
  for (let question = 0; question < 20; question += 1) {
    const asked = vector();
    const right = findNearest(asked, rows, 10);
    const hits = await table.nearest({
      vector: asked,
      k: 10,
      ...(probes === undefined ? {} : { probes }),
    });
    found += hits.filter(({ chunkId }) => right.includes(chunkId)).length;
  }
  return found / 200;
}

const types = { flat: 'IvfFlat', hnsw: 'IvfHnswSq', ivfPq: 'IvfPq' } as const;

test.each(vectorKinds)('compactions keep the number of segments small (%s)', async (kind) => {
  const index = `rounds-${kind}`;
  const rows = [...buildRows(600, 'built', 0)];
  const table = await builtTable(index, kind, rows);
  const segments: number[] = [];
  let noted = 0;
  for (let round = 1; round <= 12; round += 1) {
    const came = buildRows(5, `round${round}-`, -round);
    noted = await changedAndCompacted(table, came);
    rows.push(...came);
    segments.push((await vectorIndexIn(index)).segments ?? NaN);
  }
  expect(Math.max(...segments)).toBeLessThanOrEqual(8);
  // Fewer than one per compaction, because most of them only add a segment.
  expect(Math.max(...segments)).toBeGreaterThan(4);
  expect((await vectorIndexIn(index)).type).toBe(types[kind]);
  const answering = await store.open({ tenant, index, version: 1 }, noted);
  expect(await answering.unindexedRows()).toBe(0);
  expect(await answering.count()).toBe(rows.length);
  expect(await recallAt10(answering, rows)).toBeGreaterThanOrEqual(kind === 'flat' ? 1 : 0.9);
  answering.close();
  table.close();
});

test('a state from before the index was rebuilt still answers', async () => {
  const rows = [...buildRows(600, 'built', 0)];
  const table = await builtTable('noted', 'hnsw', rows);
  const states: { readonly tableVersion: number; readonly rows: readonly ChunkRow[] }[] = [];
  for (let round = 1; round <= 9; round += 1) {
    rows.push(...buildRows(5, `round${round}-`, -round));
    states.push({
      tableVersion: await changedAndCompacted(table, rows.slice(-5)),
      rows: [...rows],
    });
  }
  for (const state of states) {
    const answering = await store.open({ tenant, index: 'noted', version: 1 }, state.tableVersion);
    expect(await recallAt10(answering, state.rows)).toBeGreaterThanOrEqual(0.9);
    answering.close();
  }
  table.close();
});

test('a quantized index with too few chunks becomes an exact one', async () => {
  const rows = buildRows(300, 'built', 0);
  const table = await builtTable('few', 'ivfPq', rows);
  const kept = [...rows.slice(0, 100)];
  await table.compact(
    (
      await table.replaceDocuments(
        rows.slice(100).map(({ documentId }) => documentId),
        [],
      )
    ).tableVersion,
  );
  for (let round = 1; round <= 9; round += 1) {
    const came = buildRows(5, `round${round}-`, -round);
    await changedAndCompacted(table, came);
    kept.push(...came);
  }
  expect(await vectorIndexIn('few')).toMatchObject({ type: 'IvfFlat' });
  expect(await recallAt10(table, kept)).toBe(1);
  table.close();
});

test('a flat index is exact for any number of probes, also after a compaction', async () => {
  const rows = [...buildRows(20_000, 'built', 0)];
  const table = await builtTable('exact', 'flat', rows);
  expect(await recallAt10(table, rows, 1)).toBe(1);
  const came = buildRows(50, 'came', -1);
  await changedAndCompacted(table, came);
  rows.push(...came);
  expect(await recallAt10(table, rows, 1)).toBe(1);
  expect(await recallAt10(table, rows)).toBe(1);
  table.close();
});
