import type { ArtifactRef, Digest } from '../artifact';
import type { SearchMode } from '../index/version';
import type { Sampling } from '../chat/chat';

/**
 * The models of a bundle. A fine-tuned adapter is part of the bundle's bytes; a provider's own
 * weights are identified only by their name.
 */
export interface BundleBase {
  /** Name of a provider; each installation configures its address and key. */
  readonly provider: string;
  readonly model: string;
  readonly adapter: ArtifactRef | null;
  /**
   * Tried in this order if the first model is not available. `qualified`: each passed the bundle's
   * gates on the same cases before it became part of the bundle.
   */
  readonly standby: readonly {
    readonly provider: string;
    readonly model: string;
    readonly qualified: true;
  }[];
}

/**
 * The digest of an LLM version covers the canonical JSON of this. A bundle is evaluated, promoted,
 * served and rolled back as a whole (I3).
 */
export interface ReleaseBundle {
  readonly kind: 'bundle';
  readonly model: string;
  readonly signature: ChatSignature;
  readonly base: BundleBase;
  /** `artifact`: JSON of the `PromptTemplate` with this digest. */
  readonly prompt: {
    readonly name: string;
    readonly digest: Digest;
    readonly artifact: ArtifactRef;
  };
  /**
   * Screens the inputs and the answers; null without a policy. `artifact`: JSON of the
   * `SafetyPolicy` with this digest.
   */
  readonly safety: {
    readonly name: string;
    readonly digest: Digest;
    readonly artifact: ArtifactRef;
  } | null;
  readonly sampling: Sampling;
  /** The index that passages come from; null without retrieval. */
  readonly index: BundleIndex | null;
}

/** A numbered version of an index, so that moving an alias does not change an evaluated bundle. */
export interface BundleIndex {
  readonly name: string;
  readonly version: number;
  /** Digest of its recipe and dataset version, as recorded in the registry. */
  readonly digest: Digest;
  /** The prompt variable for the passages: a list, or one text with numbered passages. */
  readonly variable: string;
  /** Largest number of passages in a prompt. */
  readonly k: number;
  readonly mode: SearchMode;
  /** Orders the passages that were found; without it the order of the index is kept. */
  readonly rerank?: BundleReranker;
}

/** A provider's cross-encoder, identified by its name. */
export interface BundleReranker {
  readonly provider: string;
  readonly model: string;
  /** Largest number of passages that it orders. */
  readonly candidates: number;
  /**
   * If it is not available while serving: fail, or keep the order of the index. Evaluations always
   * fail without it.
   */
  readonly onError: 'fail' | 'keepOrder';
}

/** What a request to a bundle must carry. */
export interface ChatSignature {
  readonly task: 'chat';
  /** The prompt variable for the user's last message. */
  readonly input: string;
}
