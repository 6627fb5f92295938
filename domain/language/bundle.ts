import type { ArtifactRef, Digest } from '../dataset/artifact';
import type { SearchMode } from '../index/version';
import type { Sampling } from './chat';

/**
 * Who answers behind a bundle. A fine-tuned adapter is part of its bytes; a provider's own weights
 * are known by their name alone.
 */
export interface BundleBase {
  /**
   * Name of a provider: what answers under it is a matter of the place, with its own address and
   * key.
   */
  readonly provider: string;
  readonly model: string;
  readonly adapter: ArtifactRef | null;
  /**
   * Asked in this order when the first cannot answer. Each was asked the cases that the bundle was
   * judged by and passed its gates before the bundle had these bytes: `qualified`.
   */
  readonly standby: readonly {
    readonly provider: string;
    readonly model: string;
    readonly qualified: true;
  }[];
}

/**
 * The bytes behind the digest of an LLM version: canonical JSON of this. It is evaluated, promoted,
 * served and rolled back as one thing (I3).
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
   * Screens what the user says and what the model answers; null for none. `artifact`: JSON of the
   * `SafetyPolicy` with this digest.
   */
  readonly safety: {
    readonly name: string;
    readonly digest: Digest;
    readonly artifact: ArtifactRef;
  } | null;
  readonly sampling: Sampling;
  /** Where passages for an answer are found; null without retrieval. */
  readonly index: BundleIndex | null;
}

/**
 * A version of an index by its number, so that a moved alias of the index changes no bundle that
 * was evaluated.
 */
export interface BundleIndex {
  readonly name: string;
  readonly version: number;
  /** Of its recipe and dataset version, as the registry has it. */
  readonly digest: Digest;
  /**
   * The prompt's variable that takes the passages: a list of them, or one text with each numbered.
   */
  readonly variable: string;
  /** Passages that an answer is given, at most. */
  readonly k: number;
  readonly mode: SearchMode;
  /** Which of what is found the answer is given; without it the nearest by the index. */
  readonly rerank?: BundleReranker;
}

/** A cross-encoder of a provider, known by its name as a provider's own weights are. */
export interface BundleReranker {
  readonly provider: string;
  readonly model: string;
  /** Passages that it is given to order, at most. */
  readonly candidates: number;
  /**
   * While serving, when it cannot be asked: no answer, or one by the index's own order. What is
   * measured is always measured with it.
   */
  readonly onError: 'fail' | 'keepOrder';
}

/** What a request to a bundle must carry. */
export interface ChatSignature {
  readonly task: 'chat';
  /** The prompt's variable that takes what the user wrote last. */
  readonly input: string;
}
