/**
 * The index of the sample wiki-assistant over all summaries, kept in a folder. A run continues at
 * the last finished shard.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { computeDigest } from '../../data/digest';
import { chunkDocument, embedChunks } from '../../data/index/chunk-document';
import { openChunkStore } from '../../data/index/chunk-store';
import type { Embedders } from '../../data/index/embedders/open-embedder';
import { openIndexReader, type IndexReader } from '../../data/index/query-index';
import type { Digest } from '../../domain/artifact';
import { defaultTenant as tenant } from '../../domain/ids';
import type { IndexDocument } from '../../domain/index/document';
import type { IndexSpec } from '../../domain/index/index.schema';

export interface WikiIndex {
  readonly reader: IndexReader;
  readonly name: string;
  readonly version: number;
  readonly digest: Digest;
  readonly chunks: number;
  close(): void;
}

const version = 1;
const documentsAShard = 250;

export async function openWikiIndex({
  folder,
  spec: { name, embedder: embedderSpec, chunking },
  documents,
  embedders,
  signal,
}: {
  readonly folder: string;
  readonly spec: Pick<IndexSpec, 'name' | 'embedder' | 'chunking'>;
  readonly documents: readonly IndexDocument[];
  readonly embedders: Embedders;
  readonly signal: AbortSignal;
}): Promise<WikiIndex> {
  const embedder = await embedders.get(embedderSpec);
  const recipe = { embedder: { ...embedder.identity, spec: embedderSpec }, chunking };
  const digest = computeDigest({ recipe, documents });
  // Other documents or other chunking make another table.
  const place = join(folder, digest.slice(-16));
  const store = openChunkStore({ kind: 'directory', path: place });
  const table = await store.create(
    { tenant, index: name, version },
    { embedder: embedder.identity.digest, dimensions: embedder.identity.dimensions },
  );
  // Checks that the table is complete. Counting every shard again would take longer than twenty
  // questions.
  const filledFile = join(place, 'filled.json');
  const filled = existsSync(filledFile)
    ? (JSON.parse(readFileSync(filledFile, 'utf8')) as { readonly chunks: number })
    : null;
  let chunkCount = filled?.chunks ?? 0;
  for (
    let from = 0, shard = 0;
    filled === null && from < documents.length;
    from += documentsAShard, shard += 1
  ) {
    signal.throwIfAborted();
    const piece = documents.slice(from, from + documentsAShard);
    const chunks = piece.flatMap((document) =>
      chunkDocument(document, {
        plan: recipe.chunking,
        measureTokens: embedder.measureTokens,
        shard,
      }),
    );
    chunkCount += chunks.length;
    if ((await table.countShard(shard)) === chunks.length) continue;
    const { rows } = await embedChunks(chunks, { embedder, known: new Map() });
    await table.putShard(shard, rows);
    process.stderr.write(`index: ${from + piece.length} of ${documents.length} documents\n`);
  }
  if (filled === null) await table.buildIndexes('flat');
  writeFileSync(filledFile, JSON.stringify({ chunks: chunkCount }));
  const tableVersion = await table.tableVersion();
  const reader = openIndexReader({
    find: () => Promise.resolve({ version, digest, tableVersion, recipe }),
    store,
    embedders,
  });
  return {
    reader,
    name,
    version,
    digest,
    chunks: chunkCount,
    close() {
      reader.close();
      store.close();
    },
  };
}
