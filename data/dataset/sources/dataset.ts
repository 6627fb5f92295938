import { join } from 'node:path';
import { formatByteSize } from '../../../domain/byte-size';
import type { FetchedFiles, SourceFetch } from './source-fetch';
import { sourceFailure } from './source-failure';

/** The files of an existing dataset version, verified against its manifest. */
export async function fetchDataset({
  source,
  into,
  limits,
  datasets,
  signal,
  onProgress,
}: SourceFetch): Promise<FetchedFiles> {
  if (source.format !== 'parquet')
    throw sourceFailure('InvalidInput', source, `datasets are Parquet, not ${source.format}`, {
      next: 'write format: parquet',
    });
  const [name = '', reference = ''] = source.uri.slice('dataset://'.length).split('@');
  const manifest = await datasets.manifest(name, reference);
  if (!manifest) {
    throw sourceFailure('NotFound', source, `dataset ${name}@${reference} does not exist`, {
      next: 'list the datasets: perennial dataset list',
    });
  }
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  if (bytes > limits.maxBytes) {
    throw sourceFailure(
      'SourceTooLarge',
      source,
      `the dataset has ${bytes} bytes, more than ${formatByteSize(limits.maxBytes)}`,
      {
        next: 'raise spec.data.limits.size',
      },
    );
  }
  const paths: string[] = [];
  let before = 0;
  for (const [index, file] of manifest.files.entries()) {
    const path = join(into, `dataset-${index}.parquet`);
    const offset = before;
    await datasets.toFile(file, path, { signal, onProgress: (read) => onProgress(offset + read) });
    before += file.bytes;
    paths.push(path);
  }
  return { paths, bytes };
}
