import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { SourceFormat } from '../../../../domain/dataset/source-uri';
import type { SourceSpec } from '../../../../domain/lifecycle/lifecycle';
import type { TimeWindow } from '../../../../domain/dataset/dataset';
import type { SourceLimits, SourcePolicy } from '../../../../data/dataset/sources/policy';
import { readSource, type SourceData } from '../../../../data/dataset/sources/read-source';
import { readParquet, withDuckDb } from '../../../../data/sql/platform-sql';

export interface Reading {
  readonly folder: string;
  /** Writes a file and reads it as a source named `trips`. */
  file(
    name: string,
    content: string | Uint8Array,
    format: SourceFormat,
    options?: ReadOptions,
  ): Promise<SourceData>;
  uri(uri: string, format: SourceFormat, options?: ReadOptions): Promise<SourceData>;
  rows(data: SourceData): Promise<object[]>;
  close(): Promise<void>;
}

export interface ReadOptions {
  readonly time?: string;
  readonly window?: TimeWindow;
  readonly policy?: Partial<SourcePolicy>;
  readonly limits?: Partial<SourceLimits>;
  readonly signal?: AbortSignal;
}

/** Reads sources from and into a temporary folder. */
export async function openReading(): Promise<Reading> {
  const folder = await mkdtemp(join(tmpdir(), 'sources-'));
  let reads = 0;
  const uri: Reading['uri'] = (uri, format, { time, window, policy, limits, signal } = {}) => {
    const source: SourceSpec = { name: 'trips', uri, format, time: time ?? null };
    return readSource({
      source,
      window: window ?? null,
      into: join(folder, `read-${(reads += 1)}`),
      policy: {
        samplesDir: join(folder, 'samples'),
        allowPrivateAddresses: false,
        files: { roots: [folder], denied: [] },
        buckets: [],
        s3: null,
        ...policy,
      },
      limits: { maxBytes: 1 << 30, timeoutSeconds: 60, ...limits },
      datasets: {
        manifest: () => Promise.resolve(null),
        toFile: () => Promise.reject(new Error('no datasets here')),
      },
      signal: signal ?? new AbortController().signal,
      onProgress: () => undefined,
    });
  };
  return {
    folder,
    uri,
    async file(name, content, format, options) {
      const path = join(folder, name);
      await writeFile(path, content);
      return uri(pathToFileURL(path).href, format, options);
    },
    rows: ({ files }) =>
      withDuckDb((sql) => sql.rows(`SELECT * FROM ${readParquet(files)}`), {
        memoryBytes: 1 << 28,
        threads: 1,
      }),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Writes the rows of a query to one Parquet file. */
export async function writeParquet(
  path: string,
  query: string,
  rowGroupSize = 122_880,
): Promise<void> {
  const copy = `COPY (${query}) TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE ${rowGroupSize})`;
  await withDuckDb((sql) => sql.run(copy), { memoryBytes: 1 << 28, threads: 1 });
}
