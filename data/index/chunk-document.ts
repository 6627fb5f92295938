import { chunkText, type ChunkingPlan } from '../../domain/index/chunking';
import type { IndexDocument } from '../../domain/index/document';
import { sha256 } from '../digest';
import type { ChunkRow } from './chunk-rows';
import type { Embedder, EmbedderOptions } from './embedders/embedder';

/** A chunk without its vector. */
export interface UnembeddedChunk extends Omit<ChunkRow, 'vector'> {
  /** The text to embed: heading and chunk. Often only the heading names the subject. */
  readonly embedded: string;
  /** Whether `embedded` has only a part of the heading. */
  readonly headingShortened: boolean;
}

export interface EmbeddedChunks {
  readonly rows: readonly ChunkRow[];
  /** The number of texts that were embedded. */
  readonly embedded: number;
  /** The number of chunks whose heading was shortened. */
  readonly shortened: number;
}

export function chunkDocument(
  document: IndexDocument,
  {
    plan,
    measureTokens,
    shard,
  }: {
    readonly plan: ChunkingPlan;
    readonly measureTokens: Embedder['measureTokens'];
    readonly shard: number;
  },
): readonly UnembeddedChunk[] {
  const { id: documentId, title, source } = document;
  return chunkText(document.text, plan, measureTokens).map(
    ({ ordinal, start, end, heading, embeddedHeading, text }) => {
      const embedded =
        embeddedHeading === null || embeddedHeading === '' ? text : `${embeddedHeading}\n${text}`;
      return {
        chunkId: `${documentId}#${ordinal}`,
        documentId,
        digest: sha256(embedded),
        shard,
        ordinal,
        start,
        end,
        title,
        heading,
        source,
        text,
        embedded,
        headingShortened: embeddedHeading !== heading,
      };
    },
  );
}

/** Embed the chunks, each text once. Vectors in `known`, by digest of the text, are reused. */
export async function embedChunks(
  chunks: readonly UnembeddedChunk[],
  {
    embedder,
    known,
    ...options
  }: {
    readonly embedder: Embedder;
    readonly known: ReadonlyMap<string, Float32Array>;
  } & EmbedderOptions,
): Promise<EmbeddedChunks> {
  const missing = new Map(
    chunks
      .filter(({ digest }) => !known.has(digest))
      .map(({ digest, embedded }) => [digest, embedded]),
  );
  const made = await embedder.embed([...missing.values()], options);
  const vectors = new Map<string, Float32Array>(
    [...missing.keys()].map((digest, index) => [digest, made[index] ?? new Float32Array()]),
  );
  const rows = chunks.map(
    ({ embedded: _embedded, headingShortened: _shortened, ...chunk }): ChunkRow => ({
      ...chunk,
      vector: known.get(chunk.digest) ?? vectors.get(chunk.digest) ?? new Float32Array(),
    }),
  );
  return {
    rows,
    embedded: missing.size,
    shortened: chunks.filter(({ headingShortened }) => headingShortened).length,
  };
}
