import type { TokenCost } from '../../../domain/index/chunking';
import type { Tenant } from '../../../domain/ids';
import type { EmbedderIdentity } from '../../../domain/index/embedder';
import type { LedgerTexts } from '../../language/ledger-embeddings';

export interface EmbedderOptions {
  readonly signal?: AbortSignal | undefined;
  readonly payer?: EmbeddingPayer | undefined;
  /** Receives the token count of each request to an endpoint; not called by local embedders. */
  readonly onUsage?: ((promptTokens: number) => void) | undefined;
}

/** The tenant whose limits and budgets apply to an endpoint; not used by local embedders. */
export interface EmbeddingPayer {
  readonly tenant: Tenant;
  /** Records each request in the call ledger, so that a repeated request is not paid again. */
  readonly entry?: LedgeredPayer | undefined;
}

export type LedgeredPayer = Pick<LedgerTexts, 'scope' | 'owner' | 'budgets' | 'paid'>;

/** Embeds texts as vectors of length one in one vector space. */
export interface Embedder {
  readonly identity: EmbedderIdentity;
  /** The tokens of a text that its vector covers; the rest is cut off. */
  readonly maxTokens: number;
  /** The tokens of a word, for `chunkText`. */
  readonly measureTokens: TokenCost;
  /** One vector per text, in order. */
  embed(texts: readonly string[], options?: EmbedderOptions): Promise<readonly Float32Array[]>;
  close(): Promise<void>;
}

/**
 * Scale to length one, so that cosine, dot product and distance give the same ranking. A zero
 * vector, of a text without a known word, becomes a fixed direction.
 */
export function normalize(vector: Float32Array): Float32Array {
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
