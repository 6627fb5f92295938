import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Column, TimeWindow } from '../../../domain/dataset/dataset';
import type { DatasetStatistics } from '../../../domain/dataset/statistics';
import type { TableProfile } from '../../../domain/dataset/table-profile';
import { columnStatistics } from '../statistics';
import { readParquet, withDuckDb, type PlatformSql } from '../../sql/platform-sql';
import { convert, describeTable, newestTime, type TableDescription } from './convert';
import { fetchSource } from './fetch';
import type { FetchedFiles, SourceFetch } from './source-fetch';
import { sourceFailure } from './source-failure';
import { profileTable } from './table-profile';

interface SourceProgress {
  readonly phase: 'fetch' | 'convert' | 'measure';
  readonly bytes: number;
}

export interface ReadSource extends Omit<SourceFetch, 'onProgress'> {
  /** Half-open, in the column `source.time`; null reads everything. */
  readonly window: TimeWindow | null;
  readonly onProgress: (progress: SourceProgress) => void;
}

export interface SourceData {
  /** Parquet files in `into`, in order. */
  readonly files: readonly string[];
  readonly columns: readonly Column[];
  readonly rows: number;
  readonly bytes: number;
  readonly statistics: DatasetStatistics;
}

/**
 * Converts a source of any format to Parquet in UTC with the logical column types. The same content
 * and window give the same bytes. Errors name the source, the cause and the next step. Only
 * SourceUnreachable and StorageUnavailable are retryable.
 */
export function readSource(read: ReadSource): Promise<SourceData> {
  return withinTime(read, async (signal, fetched) =>
    inDuckDb(read.into, signal, async (sql) => {
      const { source, window, into } = read;
      read.onProgress({ phase: 'convert', bytes: fetched.bytes });
      const { files, columns, rows, notes } = await convert(
        sql,
        { source, paths: fetched.paths },
        window,
        into,
      );
      const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
      const bytes = sizes.reduce((sum, size) => sum + size, 0);
      read.onProgress({ phase: 'measure', bytes });
      const statistics = {
        rows,
        columns: await columnStatistics(sql, readParquet(files), columns),
        notes,
      };
      return { files, columns, rows, bytes, statistics };
    }),
  );
}

/** Newest time of the source, RFC 3339; null when no row has one. Requires `source.time`. */
export function newestEvent(read: Omit<ReadSource, 'window'>): Promise<string | null> {
  return withinTime(read, async (signal, fetched) =>
    inDuckDb(read.into, signal, (sql) =>
      newestTime(sql, { source: read.source, paths: fetched.paths }),
    ),
  );
}

/**
 * Columns and times of a source, without its rows.
 * @throws DataUnreadable when the column `source.time` does not exist
 */
export function describeSource(read: Omit<ReadSource, 'window'>): Promise<TableDescription> {
  return withinTime(read, (signal, fetched) =>
    inDuckDb(read.into, signal, (sql) =>
      describeTable(sql, { source: read.source, paths: fetched.paths }),
    ),
  );
}

/** Profile of all columns; see `profileTable`. */
export function profileSource(
  read: Omit<ReadSource, 'window'>,
  label: string,
): Promise<TableProfile> {
  return withinTime(read, (signal, fetched) =>
    inDuckDb(read.into, signal, (sql) =>
      profileTable(sql, { source: read.source, paths: fetched.paths }, label),
    ),
  );
}

/** Applies `timeoutSeconds` to download and conversion together. */
async function withinTime<T>(
  read: Omit<ReadSource, 'window'>,
  work: (signal: AbortSignal, fetched: FetchedFiles) => Promise<T>,
): Promise<T> {
  const { source, limits, into } = read;
  const timeout = AbortSignal.timeout(limits.timeoutSeconds * 1000);
  const signal = AbortSignal.any([read.signal, timeout]);
  let fetched: FetchedFiles | null = null;
  try {
    await mkdir(into, { recursive: true });
    fetched = await fetchSource({
      ...read,
      signal,
      onProgress: (bytes) => read.onProgress({ phase: 'fetch', bytes }),
    });
    return await work(signal, fetched);
  } catch (error) {
    read.signal.throwIfAborted();
    if (!timeout.aborted) throw error;
    const next = 'raise spec.data.limits.timeout';
    throw fetched === null
      ? sourceFailure(
          'SourceUnreachable',
          source,
          `it was not downloaded within ${limits.timeoutSeconds} s`,
          { next },
        )
      : sourceFailure(
          'SourceTooLarge',
          source,
          `it was not converted within ${limits.timeoutSeconds} s`,
          { next },
        );
  } finally {
    await fetched?.close?.();
  }
}

/** Sorting and typing use the disk beyond this much memory. */
const memoryBytes = 1 << 30;

function inDuckDb<T>(
  folder: string,
  signal: AbortSignal,
  work: (sql: PlatformSql) => Promise<T>,
): Promise<T> {
  return withDuckDb(work, {
    memoryBytes,
    threads: 1,
    spillDirectory: join(folder, 'spill'),
    signal,
  });
}
