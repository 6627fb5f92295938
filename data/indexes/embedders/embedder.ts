import type { TokenCost } from '../../../domain/index/chunking';
import type { EmbedderIdentity } from '../../../domain/index/embedder';

/** Text into vectors of length one, of one space. */
export interface Embedder {
  readonly identity: EmbedderIdentity;
  /** Of a text; what is beyond is not in its vector. */
  readonly maxTokens: number;
  /** Tokens of a word, as `chunkText` wants to know them. */
  readonly costOf: TokenCost;
  /** One a text, in order. */
  embed(texts: readonly string[], options?: { readonly signal?: AbortSignal }): Promise<readonly Float32Array[]>;
  close(): Promise<void>;
}

/** To length one, so that cosine, dot product and distance rank alike. A text that an embedder knows no word of points nowhere: it gets one direction of its own, near nothing. */
export function normalized(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  if (squares === 0) {
    vector[0] = 1;
    return vector;
  }
  const length = Math.sqrt(squares);
  for (let index = 0; index < vector.length; index += 1) vector[index] = (vector[index] ?? 0) / length;
  return vector;
}
