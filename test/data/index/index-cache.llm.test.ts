/**
 * All indexes of a process share one cache of limited size.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChunkRow } from '../../../data/index/chunk-rows';
import { openChunkStore } from '../../../data/index/chunk-store';
import { normalize } from '../../../data/index/embedders/embedder';
import { lanceDb } from '../../../data/index/lancedb';
import { sha256 } from '../../../data/digest';
import { defaultTenant as tenant } from '../../../domain/ids';
import { seededRandom } from '../../../domain/statistics/random';

const space = { embedder: sha256('random'), dimensions: 64 };
const random = seededRandom([2, 7, 1, 8]);
const vector = () =>
  normalize(Float32Array.from({ length: space.dimensions }, () => random() - 0.5));

function buildRows(count: number): readonly ChunkRow[] {
  return Array.from({ length: count }, (_, place): ChunkRow => {
    const [documentId, text] = [`${place}`, `whale ${place}`];
    return {
      chunkId: `${place}#0`,
      documentId,
      digest: sha256(text),
      shard: 0,
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

test('vector and text indexes of a store share one cache', async () => {
  const path = await mkdtemp(join(tmpdir(), 'index-cache-'));
  const connect = jest.spyOn(lanceDb(), 'connect');
  const store = openChunkStore({ kind: 'directory', path });
  try {
    const rows = 2000;
    const sizes: number[] = [];
    const session = () => connect.mock.calls.at(-1)?.[1].session;
    for (const index of ['first', 'second']) {
      const table = await store.create({ tenant, index, version: 1 }, space);
      await table.putShard(0, buildRows(rows));
      await table.buildIndexes('flat');
      await table.nearest({ vector: vector(), k: 10 });
      sizes.push(Number(session()?.sizeBytes()));
      await table.matching('whale', 10);
      table.close();
    }
    expect(new Set(connect.mock.calls.map(([, options]) => options.session)).size).toBe(1);
    // All vectors of both indexes, with four bytes per dimension.
    const vectorBytes = rows * space.dimensions * 4;
    expect(sizes[0]).toBeGreaterThan(vectorBytes);
    expect((sizes[1] ?? 0) - (sizes[0] ?? 0)).toBeGreaterThan(vectorBytes);
  } finally {
    store.close();
    connect.mockRestore();
    await rm(path, { recursive: true, force: true });
  }
});
