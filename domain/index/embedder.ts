import type { Digest } from '../artifact';

/** The model that turns text into vectors. */
export type EmbedderSpec =
  /** all-MiniLM-L6-v2, int8, in this process: 384 dimensions, 256 tokens. */
  | { readonly kind: 'minilm' }
  /** WordLlama's static vectors in this process, hundreds of times faster: 256 dimensions. */
  | { readonly kind: 'wordllama' }
  /** A model of a provider with an OpenAI-compatible endpoint. */
  | {
      readonly kind: 'endpoint';
      readonly provider: string;
      readonly model: string;
      readonly dimensions: number;
      readonly maxTokens: number;
    };

/**
 * A vector space. Vectors of embedders with different digests are not comparable, so an index is
 * only searched with vectors of its own embedder. The digest covers the model's bytes and its
 * pooling. For an endpoint it covers the names only.
 */
export interface EmbedderIdentity {
  readonly name: string;
  readonly digest: Digest;
  readonly dimensions: number;
  /** The vector of a fixed sentence, for an endpoint whose model cannot be hashed. */
  readonly probe?: readonly number[];
}

/** Least cosine of two probes of one model, which differ by rounding only. */
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
