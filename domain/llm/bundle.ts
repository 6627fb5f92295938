import type { ArtifactRef, Digest } from '../artifact';
import type { Sampling } from './chat';

/** Who answers behind a bundle. A fine-tuned adapter is part of its bytes; a provider's own weights are known by their name alone. */
export interface BundleBase {
  /** Name of a provider: what answers under it is a matter of the place, with its own address and key. */
  readonly provider: string;
  readonly model: string;
  readonly adapter: ArtifactRef | null;
  /** Asked in this order when the first cannot answer; evaluated before as the first was. */
  readonly standby: readonly { readonly provider: string; readonly model: string }[];
}

/** The bytes behind the digest of an LLM version: canonical JSON of this. It is evaluated, promoted, served and rolled back as one thing (I3). */
export interface ReleaseBundle {
  readonly kind: 'bundle';
  readonly model: string;
  readonly signature: ChatSignature;
  readonly base: BundleBase;
  /** `artifact`: JSON of the `PromptTemplate` with this digest. */
  readonly prompt: { readonly name: string; readonly digest: Digest; readonly artifact: ArtifactRef };
  /** Screens what the user says and what the model answers; null for none. `artifact`: JSON of the `SafetyPolicy` with this digest. */
  readonly safety: { readonly name: string; readonly digest: Digest; readonly artifact: ArtifactRef } | null;
  readonly sampling: Sampling;
}

/** What a request to a bundle must carry. */
export interface ChatSignature {
  readonly task: 'chat';
  /** The prompt's variable that takes what the user wrote last. */
  readonly input: string;
}
