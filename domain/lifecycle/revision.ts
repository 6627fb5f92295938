import type { ArtifactRef, Digest } from '../artifact';
import type { LlmLifecycleSpec } from './llm/llm-lifecycle';
import type { ProgramSpec } from './sections/program';
import type { DataContracts } from '../dataset/contract';
import type { DataLifecycleSpec, ModelLifecycleSpec } from './lifecycle';

/** A lifecycle that releases versions of a model. */
export type ReleasingSpec = ModelLifecycleSpec | LlmLifecycleSpec;

export type LifecycleSpec = ReleasingSpec | DataLifecycleSpec;

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

/** The project that executes the lifecycle; undefined for a built-in one. */
export function findProgram(spec: LifecycleSpec): ProgramSpec | undefined {
  return spec.program;
}
