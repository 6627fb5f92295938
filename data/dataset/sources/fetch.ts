import { readScheme, uriProblem, type SourceScheme } from '../../../domain/dataset/source-uri';
import { fetchDataset } from './dataset';
import { fetchFile } from './file';
import { fetchHttps } from './https';
import { fetchS3 } from './s3-object';
import { fetchSample } from './sample';
import { sourceFailure } from './source-failure';
import type { FetchedFiles, SourceFetch } from './source-fetch';

const fetchers = {
  sample: fetchSample,
  file: fetchFile,
  s3: fetchS3,
  https: fetchHttps,
  dataset: fetchDataset,
} as const satisfies Record<SourceScheme, (fetch: SourceFetch) => Promise<FetchedFiles>>;

/** Makes the source readable on this machine, within its limits and the policy. */
export async function fetchSource(fetch: SourceFetch): Promise<FetchedFiles> {
  const { source, policy } = fetch;
  const scheme = readScheme(source.uri);
  if (scheme === 'http' && policy.allowPrivateAddresses) return fetchHttps(fetch);
  if (scheme === 'postgres' || scheme === 'postgresql') {
    throw sourceFailure(
      'NotInThisVersion',
      { ...source, uri: `${scheme}://…` },
      'postgres:// is not in this version',
      {
        next: 'export the table to Parquet and use the file as the source',
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
