/**
 * Tables of growing size for the index benches. A run that continues reuses written shards and
 * finished indexes.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ChunkStore, TableName } from '../../data/index/chunk-store';
import type { ChunkRow } from '../../data/index/chunk-rows';
import type { ChunkTable } from '../../data/index/chunk-table';
import type { Embedder } from '../../data/index/embedders/embedder';
import { sha256 } from '../../data/digest';
import { corpusTexts } from './corpus';
import type { IndexText } from './texts';

const shardRows = 5000;

export interface TableTimes {
  readonly fillSeconds: number;
  readonly indexSeconds: number;
}

export interface BenchTables {
  readonly store: ChunkStore;
  readonly embedder: Embedder;
  readonly folder: string;
}

/** With the stored times, because a run that finds the table finished did not fill it. */
export async function indexedTable(
  tables: BenchTables,
  name: TableName,
  vectors: number,
): Promise<{ readonly table: ChunkTable; readonly times: TableTimes }> {
  const timed = async (part: string, work: () => Promise<void>): Promise<number> => {
    const note = join(tables.folder, `${part}-${vectors}.json`);
    const begun = performance.now();
    await work();
    const seconds = (performance.now() - begun) / 1000;
    if (!existsSync(note)) writeFileSync(note, JSON.stringify({ seconds }));
    return (JSON.parse(readFileSync(note, 'utf8')) as { seconds: number }).seconds;
  };
  const { digest, dimensions } = tables.embedder.identity;
  const table = await tables.store.create(name, { embedder: digest, dimensions });
  const fillSeconds = await timed('fill', () => fill(table, tables, vectors));
  const indexSeconds = await timed('index', () => table.buildIndexes('ivfPq'));
  return { table, times: { fillSeconds, indexSeconds } };
}

async function fill(
  table: ChunkTable,
  { embedder, folder }: BenchTables,
  vectors: number,
): Promise<void> {
  let shard = 0;
  let texts: IndexText[] = [];
  const flush = async (): Promise<void> => {
    if ((await table.countShard(shard)) !== texts.length)
      await table.putShard(shard, await embedRows(texts, shard, embedder));
    shard += 1;
    texts = [];
    process.stderr.write(`\r${Math.min(vectors, shard * shardRows)} of ${vectors} vectors `);
  };
  let taken = 0;
  for await (const each of corpusTexts(folder)) {
    if (taken === vectors) break;
    taken += 1;
    texts.push(each);
    if (texts.length === shardRows) await flush();
  }
  if (texts.length > 0) await flush();
  process.stderr.write('\n');
  const count = await table.count();
  if (count !== vectors) throw new Error(`${count} vectors of ${vectors}`);
}

async function embedRows(
  texts: readonly IndexText[],
  shard: number,
  embedder: Embedder,
): Promise<readonly ChunkRow[]> {
  const made = await embedder.embed(texts.map(({ text }) => text));
  return texts.map(({ id, text }, row): ChunkRow => ({
    chunkId: `${id}#0`,
    documentId: id,
    digest: sha256(text),
    shard,
    ordinal: 0,
    start: 0,
    end: text.length,
    title: null,
    heading: null,
    source: null,
    text,
    vector: made[row] ?? new Float32Array(),
  }));
}
