import type { DatasetManifest } from '../../../domain/dataset/dataset';
import type { ArtifactRef } from '../../../domain/artifact';
import type { SourceSpec } from '../../../domain/lifecycle/lifecycle';
import type { SourceLimits, SourcePolicy } from './policy';

export interface SourceFetch {
  readonly source: SourceSpec;
  /** An empty folder for copies. */
  readonly into: string;
  readonly policy: SourcePolicy;
  readonly limits: SourceLimits;
  /** Existing dataset versions, for `dataset://`. */
  readonly datasets: DatasetReader;
  readonly signal: AbortSignal;
  readonly onProgress: (bytes: number) => void;
}

export interface DatasetReader {
  /** `reference` is an alias or a version number; null when the version does not exist. */
  manifest(name: string, reference: string): Promise<DatasetManifest | null>;
  toFile(
    ref: ArtifactRef,
    path: string,
    options: { readonly signal: AbortSignal; readonly onProgress: (bytes: number) => void },
  ): Promise<void>;
}

/** Readable files on this machine, in order. */
export interface FetchedFiles {
  readonly paths: readonly string[];
  readonly bytes: number;
  /** Invalidates the paths. */
  readonly close?: () => Promise<void>;
}
