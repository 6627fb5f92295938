import type { Digest } from '../artifact';

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
 * A vector space. Vectors of two embedders with different digests have nothing to do with each other, whatever their names and sizes: an index is only
 * ever asked with vectors of its own. The digest covers the model's bytes and how its output is made a vector, or for an endpoint its name and a probe.
 */
export interface EmbedderIdentity {
  readonly name: string;
  readonly digest: Digest;
  readonly dimensions: number;
}

export function sameSpace(a: Pick<EmbedderIdentity, 'digest'>, b: Pick<EmbedderIdentity, 'digest'>): boolean {
  return a.digest === b.digest;
}
