/**
 * Hybrid search returns the same as a fusion of both rankings with all rows
 * read.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChunkRow } from '../../../data/index/chunk-rows';
import { openChunkStore, type ChunkStore } from '../../../data/index/chunk-store';
import type { ChunkTable, RankedRow } from '../../../data/index/chunk-table';
import { normalize } from '../../../data/index/embedders/embedder';
import { searchBoth } from '../../../data/index/hybrid-search';
import { sha256 } from '../../../data/digest';
import { defaultTenant as tenant } from '../../../domain/ids';
import { fuse } from '../../../domain/index/fusion';
import { vectorKinds } from '../../../domain/index/vector-index';
import { seededRandom } from '../../../domain/statistics/random';

jest.setTimeout(180_000);

const space = { embedder: sha256('random'), dimensions: 16 };
const words = [
  'whale',
  'violin',
  'bread',
  'glacier',
  'chess',
  'comet',
  'volcano',
  'harbour',
  'lantern',
  'orchard',
];
const random = seededRandom([3, 1, 4, 1]);
const vector = () =>
  normalize(Float32Array.from({ length: space.dimensions }, () => random() - 0.5));
let path: string;
let store: ChunkStore;

beforeAll(async () => {
  path = await mkdtemp(join(tmpdir(), 'hybrid-'));
  store = openChunkStore({ kind: 'directory', path });
});

afterAll(async () => {
  store.close();
  await rm(path, { recursive: true, force: true });
});

function buildRows(count: number, prefix: string, shard: number): readonly ChunkRow[] {
  return Array.from({ length: count }, (_, place): ChunkRow => {
    const documentId = `${prefix}${place}`;
    const text = Array.from(
      { length: 3 + (place % 17) },
      () => words[Math.floor(random() * words.length)] ?? '',
    ).join(' ');
    return {
      chunkId: `${documentId}#0`,
      documentId,
      digest: sha256(text),
      shard,
      ordinal: 0,
      start: 0,
      end: text.length,
      title: documentId,
      heading: null,
      source: null,
      text,
      vector: vector(),
    };
  });
}

/**
 * The answer, and the expected one from both rankings with all rows read. Rows with the same
 * score have no order, so both use the same two rankings.
 */
async function bothWays(
  table: ChunkTable,
  asked: { readonly vector: Float32Array; readonly text: string },
  k: number,
) {
  const rankings: (readonly RankedRow[])[] = [];
  const kept = async (ranking: Promise<readonly RankedRow[]>) => {
    const found = await ranking;
    rankings.push(found);
    return found;
  };
  const found = await searchBoth(
    {
      rankNearest: (search) => kept(table.rankNearest(search)),
      rankMatching: (text, most) => kept(table.rankMatching(text, most)),
      chunksAt: (rows) => table.chunksAt(rows),
    },
    { ...asked, k },
  );
  const chunks = await table.chunksAt(rankings.flat().map(({ id }) => id));
  const findChunk = (id: string) => chunks.get(id)?.chunkId ?? '';
  const expected = fuse(
    rankings.map((ranking) => ranking.map(({ id }) => ({ id: findChunk(id) }))),
  );
  return {
    found: found.slice(0, k).map(({ chunkId: id, score }) => ({ id, score })),
    expected: expected.slice(0, k),
    scores: rankings
      .map((ranking) => ranking.map(({ score }) => score))
      .sort((a, b) => (b[0] ?? 0) - (a[0] ?? 0)),
    texts: found.map(({ text }) => text),
  };
}

describe.each(vectorKinds)('over %s', (kind) => {
  test('finds the same as both full rankings: when built, after changes and after a compaction', async () => {
    const table = await store.create(
      { tenant, index: `hybrid-${kind}`.toLowerCase(), version: 1 },
      space,
    );
    await table.putShard(0, buildRows(400, 'first', 0));
    await table.buildIndexes(kind);
    const same = async () => {
      for (let question = 0; question < 12; question += 1) {
        const asked = {
          vector: vector(),
          text: `${words[question % words.length] ?? ''} ${words[(3 * question) % words.length] ?? ''}`,
        };
        const { found, expected, scores, texts } = await bothWays(table, asked, 7);
        expect(found).toEqual(expected);
        expect(found.length).toBe(7);
        for (const text of texts) expect(text).toMatch(/^[a-z ]+$/);
        const whole = [
          await table.matching(asked.text, 50),
          await table.nearest({ vector: asked.vector, k: 50 }),
        ];
        expect(scores).toEqual(whole.map((hits) => hits.map(({ score }) => score)));
      }
    };
    await same();
    const changed = buildRows(40, 'first', -1);
    const gone = Array.from({ length: 20 }, (_, place) => `first${100 + place}`);
    const { tableVersion } = await table.replaceDocuments(
      [...changed.map(({ documentId }) => documentId), ...gone],
      changed,
    );
    await same();
    await table.compact(tableVersion);
    await same();
    table.close();
  });
});
