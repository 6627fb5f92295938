/** Divides the files of a dataset version into chunks of rows. */
import { count } from '../format';
import { failure } from '../failure';
import { batchLimits } from './batch';

/** Rows `from` to `until` (exclusive) of one file. */
export interface BatchChunk {
  /** The position of the file in the manifest. */
  readonly file: number;
  readonly from: number;
  readonly until: number;
  /** The number of the first row in the whole dataset version. */
  readonly firstRow: number;
}

export interface ChunkPlan {
  /** Rows of each file, in order. */
  readonly fileRows: readonly number[];
  readonly chunkRows: number;
}

/**
 * The number of chunks. A chunk lies within one file, and a file without rows has none.
 * @throws InvalidInput when there are too many
 */
export function chunkCount({ fileRows, chunkRows }: ChunkPlan): number {
  const chunks = fileRows.reduce((sum, rows) => sum + Math.ceil(rows / chunkRows), 0);
  if (chunks > batchLimits.chunks)
    throw failure(
      'InvalidInput',
      `${count(chunks)} chunks of ${count(chunkRows)} rows are more than ` +
        `${count(batchLimits.chunks)}, which one run may have`,
      { next: 'raise --chunk-rows' },
    );
  return chunks;
}

/** The chunk with the number `index`, beginning with 0. */
export function chunkAt({ fileRows, chunkRows }: ChunkPlan, index: number): BatchChunk {
  let before = 0;
  let firstRow = 0;
  for (const [file, rows] of fileRows.entries()) {
    const chunks = Math.ceil(rows / chunkRows);
    if (index < before + chunks) {
      const from = (index - before) * chunkRows;
      return { file, from, until: Math.min(rows, from + chunkRows), firstRow: firstRow + from };
    }
    before += chunks;
    firstRow += rows;
  }
  throw new Error(`there is no chunk ${index}; the plan has ${before}`);
}
