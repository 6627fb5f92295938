/** Counts rejected rows and decides whether a batch prediction continues with them. */
import { count, percent } from '../format';
import { failure, type PerennialError } from '../failure';
import type { BatchRequest } from './batch';

/** A rejected row. The reason names the column and no value, because rows may be personal data. */
export interface RejectedRow {
  /** The number of the row in the dataset version, beginning with 0. */
  readonly row: number;
  readonly reason: string;
}

export interface ChunkCounts {
  readonly rows: number;
  readonly scored: number;
  readonly quarantined: number;
  /** Rejected rows by reason. A row with several reasons counts for each. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly examples: readonly RejectedRow[];
}

export interface BatchCounts extends ChunkCounts {
  /** Chunks that have ended. */
  readonly chunks: number;
}

export const noCounts: BatchCounts = {
  chunks: 0,
  rows: 0,
  scored: 0,
  quarantined: 0,
  reasons: {},
  examples: [],
};

const examplesPerReason = 3;

export function addChunk(sum: BatchCounts, chunk: ChunkCounts): BatchCounts {
  const reasons: Record<string, number> = { ...sum.reasons };
  for (const [reason, rows] of Object.entries(chunk.reasons))
    reasons[reason] = (reasons[reason] ?? 0) + rows;
  const examples = [...sum.examples];
  for (const example of chunk.examples)
    if (examples.filter(({ reason }) => reason === example.reason).length < examplesPerReason)
      examples.push(example);
  return {
    chunks: sum.chunks + 1,
    rows: sum.rows + chunk.rows,
    scored: sum.scored + chunk.scored,
    quarantined: sum.quarantined + chunk.quarantined,
    reasons,
    examples,
  };
}

type RowErrorRule = Pick<BatchRequest, 'onRowError' | 'maxErrorShare'>;

/** Null while `total` rows may have this many rejected ones. It never changes back to null. */
export function rowErrorFailure(
  { onRowError, maxErrorShare }: RowErrorRule,
  counts: BatchCounts,
  total: number,
): PerennialError | null {
  const { quarantined } = counts;
  if (quarantined === 0) return null;
  // The addend offsets the rounding of shares such as 0.29.
  const most = onRowError === 'fail' ? 0 : Math.floor(maxErrorShare * total + 1e-9);
  if (quarantined <= most) return null;
  const allowed =
    onRowError === 'fail'
      ? 'with --on-row-error fail none may be'
      : `at most ${percent(maxErrorShare)} (${count(most)} rows) may be`;
  return failure(
    'DataUnreadable',
    `${count(quarantined)} of ${count(counts.rows)} rows were rejected, and ${allowed}: ` +
      reasonsText(counts),
    {
      next:
        onRowError === 'fail'
          ? 'correct the rows, or use --on-row-error quarantine'
          : 'correct the rows, or raise --max-error-share',
    },
  );
}

/** The most frequent reasons with examples: ``12 × `x` is infinite (rows 3, 17, 21)``. */
export function reasonsText({ reasons, examples }: ChunkCounts): string {
  const shown = Object.entries(reasons)
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([reason, rows]) => {
      const at = examples.filter((example) => example.reason === reason).map(({ row }) => row);
      const where =
        at.length === 0 ? '' : ` (${at.length === 1 ? 'row' : 'rows'} ${at.join(', ')})`;
      return `${count(rows)} × ${reason}${where}`;
    });
  const more = shown.length - shownReasons;
  return [...shown.slice(0, shownReasons), ...(more > 0 ? [`${more} more reasons`] : [])].join(
    '; ',
  );
}

const shownReasons = 5;
