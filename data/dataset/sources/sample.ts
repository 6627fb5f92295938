import { stat } from 'node:fs/promises';
import { llmSampleNames, sampleNames, samplePath } from '../../samples';
import { nearest } from '../../../domain/document/nearest';
import type { FetchedFiles, SourceFetch } from './source-fetch';
import { sourceFailure } from './source-failure';

export async function fetchSample({
  source,
  policy,
  onProgress,
}: SourceFetch): Promise<FetchedFiles> {
  const name = source.uri.slice('sample://'.length);
  const sample = samplePath(policy.samplesDir, name);
  if (sample === null) {
    const names = [...sampleNames, ...llmSampleNames];
    const near = nearest(name, names);
    const guess = near === null ? '' : `; did you mean sample://${near}?`;
    throw sourceFailure('NotFound', source, `the sample "${name}" does not exist${guess}`, {
      next: `use one of the samples ${names.join(', ')}`,
    });
  }
  if (source.format !== 'parquet')
    throw sourceFailure('InvalidInput', source, `samples are Parquet, not ${source.format}`, {
      next: 'write format: parquet',
    });
  try {
    const { path } = sample;
    const { size } = await stat(path);
    onProgress(size);
    return { paths: [path], bytes: size };
  } catch (error) {
    throw sourceFailure('NotFound', source, 'the sample tables are not installed on this machine', {
      cause: error,
      next: sample.fetchedBy,
    });
  }
}
