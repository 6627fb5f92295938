import type { Digest } from '../dataset/artifact';

/** Who turns text into vectors, as a spec names it. */
export type EmbedderSpec =
  /** all-MiniLM-L6-v2, int8, in this process: 384 dimensions, 256 tokens. */
  | { readonly kind: 'minilm' }
  /** WordLlama's static vectors in this process, hundreds of times faster: 256 dimensions. */
  | { readonly kind: 'wordllama' }
  /** A model behind an OpenAI-compatible endpoint, by the provider's name. */
  | {
      readonly kind: 'endpoint';
      readonly provider: string;
      readonly model: string;
      readonly dimensions: number;
      readonly maxTokens: number;
    };

/**
 * A vector space. Vectors of two embedders with different digests have nothing to do with each
 * other, whatever their names and sizes: an index is only ever asked with vectors of its own. The
 * digest covers the model's bytes and how its output is made a vector, or for an endpoint the names
 * alone.
 */
export interface EmbedderIdentity {
  readonly name: string;
  readonly digest: Digest;
  readonly dimensions: number;
  /** The vector of one fixed sentence, from an embedder whose bytes are not to be seen. */
  readonly probe?: readonly number[];
}

/**
 * Of one model, two calls differ by rounding; of two, the cosine of one sentence is far from one.
 */
const sameProbe = 0.99;

export function sameSpace(a: EmbedderIdentity, b: EmbedderIdentity): boolean {
  if (a.digest !== b.digest) return false;
  if (!a.probe || !b.probe) return a.probe === b.probe;
  const dot = (x: readonly number[], y: readonly number[]) =>
    x.reduce((sum, value, place) => sum + value * (y[place] ?? 0), 0);
  return (
    dot(a.probe, b.probe) >= sameProbe * Math.sqrt(dot(a.probe, a.probe) * dot(b.probe, b.probe))
  );
}
