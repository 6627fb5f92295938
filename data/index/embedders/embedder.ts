import type { TokenCost } from '../../../domain/index/chunking';
import type { Tenant } from '../../../domain/ids';
import type { EmbedderIdentity } from '../../../domain/index/embedder';
import type { LedgeredTexts } from '../../language/ledgered-embeddings';

export interface EmbedderOptions {
  readonly signal?: AbortSignal | undefined;
  readonly payer?: EmbeddingPayer | undefined;
  /**
   * Told of the tokens of each request to an endpoint, as its provider counts them; an embedder in
   * this process asks nobody.
   */
  readonly onUsage?: ((promptTokens: number) => void) | undefined;
}

/**
 * On whose behalf, and under which limits, an endpoint is asked; an embedder in this process asks
 * nobody.
 */
export interface EmbeddingPayer {
  readonly tenant: Tenant;
  /**
   * With it each request is on the call ledger, and is not paid again by whoever repeats the work.
   */
  readonly entry?: LedgeredPayer | undefined;
}

export type LedgeredPayer = Pick<LedgeredTexts, 'scope' | 'owner' | 'budgets' | 'paid'>;

/** Text into vectors of length one, of one space. */
export interface Embedder {
  readonly identity: EmbedderIdentity;
  /** Of a text; what is beyond is not in its vector. */
  readonly maxTokens: number;
  /** Tokens of a word, as `chunkText` wants to know them. */
  readonly costOf: TokenCost;
  /** One a text, in order. */
  embed(texts: readonly string[], options?: EmbedderOptions): Promise<readonly Float32Array[]>;
  close(): Promise<void>;
}

/**
 * To length one, so that cosine, dot product and distance rank alike. A text that an embedder knows
 * no word of points nowhere: it gets one direction of its own, near nothing.
 */
export function normalized(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  if (squares === 0) {
    vector[0] = 1;
    return vector;
  }
  const length = Math.sqrt(squares);
  for (let index = 0; index < vector.length; index += 1)
    vector[index] = (vector[index] ?? 0) / length;
  return vector;
}
