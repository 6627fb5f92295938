import type { FastifyBaseLogger } from 'fastify';
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import type { ArtifactStore } from '../../../data/artifact/store';
import { openScratch } from '../../../data/scratch';
import type { DatasetVersionRecord } from '../../../db/dataset/records';
import { disposeLater } from '../../http/dispose-later';
import { formatByteSize } from '../../../domain/byte-size';
import type { ArtifactRef } from '../../../domain/dataset/artifact';
import type { DatasetManifest } from '../../../domain/dataset/dataset';
import { failure } from '../../../domain/failure';

export interface VersionFileDeps {
  readonly artifacts: Pick<ArtifactStore, 'getJson' | 'toFile'>;
  readonly scratchRoot: string;
  readonly log: FastifyBaseLogger;
}

/** The limit of one file. Only the whole file can be verified, and the caller waits for it. */
const largest = 1 << 30;

/** The Parquet files of a dataset version, in order. */
export async function versionFiles(
  { artifacts }: Pick<VersionFileDeps, 'artifacts'>,
  { manifest }: Pick<DatasetVersionRecord, 'manifest'>,
): Promise<readonly ArtifactRef[]> {
  return (await artifacts.getJson<DatasetManifest>(manifest)).files;
}

/** The bytes of a file after their digest was verified. The copy on disk ends with the stream. */
export async function openVersionFile(
  { artifacts, scratchRoot, log }: VersionFileDeps,
  file: ArtifactRef,
): Promise<Readable> {
  if (file.bytes > largest)
    throw failure(
      'InvalidInput',
      `the file has ${formatByteSize(file.bytes)}; at most ${formatByteSize(largest)} are sent`,
      { next: `read the Parquet file ${file.uri}` },
    );
  const scratch = await openScratch(scratchRoot, 'dataset-file');
  try {
    const path = scratch.path('rows.parquet');
    await artifacts.toFile(file, path);
    const stream = createReadStream(path);
    return stream.once('close', () => disposeLater(scratch, log));
  } catch (error) {
    await scratch.dispose();
    throw error;
  }
}
