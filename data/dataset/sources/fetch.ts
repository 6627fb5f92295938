import type { DatasetManifest } from '../../../domain/dataset/dataset';
import type { ArtifactRef } from '../../../domain/dataset/artifact';
import type { SourceSpec } from '../../../domain/lifecycle/lifecycle';
import { schemeOf, uriProblem, type SourceScheme } from '../../../domain/dataset/source-uri';
import { fetchDataset } from './dataset';
import { fetchFile } from './file';
import { fetchHttps } from './https';
import type { SourceLimits, SourcePolicy } from './policy';
import { fetchS3 } from './s3-object';
import { fetchSample } from './sample';
import { sourceFailure } from './source-failure';

export interface Fetch {
  readonly source: SourceSpec;
  /** An empty folder for what has to be copied here. */
  readonly into: string;
  readonly policy: SourcePolicy;
  readonly limits: SourceLimits;
  /** Existing dataset versions, for `dataset://`. */
  readonly datasets: DatasetReader;
  readonly signal: AbortSignal;
  readonly onProgress: (bytes: number) => void;
}

export interface DatasetReader {
  /** `reference` is an alias or a version's number; null when there is none. */
  manifest(name: string, reference: string): Promise<DatasetManifest | null>;
  toFile(
    ref: ArtifactRef,
    path: string,
    options: { readonly signal: AbortSignal; readonly onProgress: (bytes: number) => void },
  ): Promise<void>;
}

/** Readable files on this machine, in order. */
export interface Fetched {
  readonly paths: readonly string[];
  readonly bytes: number;
  /** After this the paths lead nowhere. */
  readonly close?: () => Promise<void>;
}

const fetchers = {
  sample: fetchSample,
  file: fetchFile,
  s3: fetchS3,
  https: fetchHttps,
  dataset: fetchDataset,
} as const satisfies Record<SourceScheme, (fetch: Fetch) => Promise<Fetched>>;

/** Makes the source's bytes readable here, within its limits. What it may read, the policy says. */
export async function fetchSource(fetch: Fetch): Promise<Fetched> {
  const { source, policy } = fetch;
  const scheme = schemeOf(source.uri);
  if (scheme === 'http' && policy.allowPrivateAddresses) return fetchHttps(fetch);
  if (scheme === 'postgres' || scheme === 'postgresql') {
    throw sourceFailure(
      'NotInThisVersion',
      { ...source, uri: `${scheme}://…` },
      'postgres:// is not in this version',
      {
        next: 'export the table to Parquet and name the file',
      },
    );
  }
  const problem = uriProblem(source.uri);
  if (problem) {
    const { detail, expected, didYouMean } = problem;
    const guess = didYouMean === undefined ? '' : `; did you mean ${didYouMean}?`;
    throw sourceFailure(
      'SourceRefused',
      source,
      `the URI ${detail}${guess}`,
      expected === undefined ? {} : { next: `write ${expected}` },
    );
  }
  return fetchers[scheme as SourceScheme](fetch);
}
