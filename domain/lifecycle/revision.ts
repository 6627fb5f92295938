import type { ArtifactRef, Digest } from '../dataset/artifact';
import type { LlmLifecycleSpec } from '../language/lifecycle/llm-lifecycle';
import type { DataContracts } from '../dataset/contract';
import type { ModelLifecycleSpec } from './lifecycle';

export type LifecycleSpec = ModelLifecycleSpec | LlmLifecycleSpec;

/**
 * One immutable revision: the spec and the files that it names. Its digest is over the canonical
 * JSON of `{ spec, files: {path: digest} }`.
 */
export interface LifecycleRevision {
  readonly lifecycle: string;
  readonly revision: number;
  readonly digest: Digest;
  readonly spec: LifecycleSpec;
  readonly files: Readonly<Record<string, ArtifactRef>>;
  /** Parsed from the contract files at apply time. */
  readonly contracts: DataContracts;
}
