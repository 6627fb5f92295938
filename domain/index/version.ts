import type { Digest } from '../dataset/artifact';
import type { ChunkingPlan } from './chunking';
import type { RejectionCounts } from './document';
import type { EmbedderIdentity, EmbedderSpec } from './embedder';
import type { VectorKind } from './vector-index';

/**
 * What makes one vector space of documents: change any of it and a new version is built beside the
 * old one.
 */
export interface IndexRecipe {
  readonly embedder: EmbedderIdentity & { readonly spec: EmbedderSpec };
  readonly chunking: ChunkingPlan;
}

/**
 * `building` takes changes when its documents are in; `ready` answers and takes every change; the
 * other two hold no table any more.
 */
export type IndexState = 'building' | 'ready' | 'failed' | 'retired';

/** By meaning, by words, or both rankings fused. */
export type SearchMode = 'vector' | 'text' | 'hybrid';

export type IndexAlias = 'champion' | 'previous';

/** What a build did. */
export interface IndexReport {
  readonly documents: number;
  readonly chunks: number;
  /**
   * Chunks whose vector was made; the others were taken over from the version before, or from an
   * equal text.
   */
  readonly embedded: number;
  /**
   * Chunks whose heading took more than half of their size, so that the end of it is not in their
   * vectors; absent where there are none.
   */
  readonly shortenedHeadings?: number;
  readonly rejected: RejectionCounts;
  /** How its vectors are found. */
  readonly vectors: VectorKind;
  readonly seconds: number;
}

/** An index version as others refer to it: a release bundle names it so. */
export interface IndexVersionRef {
  readonly index: string;
  readonly version: number;
  readonly digest: Digest;
}
