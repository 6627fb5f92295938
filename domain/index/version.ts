import type { Digest } from '../artifact';
import type { ChunkingPlan } from './chunking';
import type { RejectionCounts } from './document';
import type { EmbedderIdentity, EmbedderSpec } from './embedder';
import type { VectorKind } from './vector-index';

/** What determines the vectors of an index. Any change requires a new version. */
export interface IndexRecipe {
  readonly embedder: EmbedderIdentity & { readonly spec: EmbedderSpec };
  readonly chunking: ChunkingPlan;
}

/**
 * `building` accepts changes once all documents are in. `ready` can be searched and accepts
 * changes. The other two states have no table.
 */
export type IndexState = 'building' | 'ready' | 'failed' | 'retired';

/** Search by meaning, by words, or by both with fused rankings. */
export type SearchMode = 'vector' | 'text' | 'hybrid';

export type IndexAlias = 'champion' | 'previous';

/** The result of a build. */
export interface IndexReport {
  readonly documents: number;
  readonly chunks: number;
  /** Chunks that were embedded. The others reuse vectors of the previous version or equal texts. */
  readonly embedded: number;
  /** Chunks with a shortened heading, because it was longer than half of the size; absent if 0. */
  readonly shortenedHeadings?: number;
  readonly rejected: RejectionCounts;
  /** Kind of the vector index. */
  readonly vectors: VectorKind;
  readonly seconds: number;
}

/** A reference to an index version, for example in a release bundle. */
export interface IndexVersionRef {
  readonly index: string;
  readonly version: number;
  readonly digest: Digest;
}
