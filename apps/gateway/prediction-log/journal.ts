import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

/**
 * Keeps on disk the rows that are only in memory, so that another process can store them after this
 * one was killed. It is not synced: the system still has it after a kill, but not after a power
 * failure.
 */
export interface RowJournal<Row extends object> {
  /**
   * Write the row in the next microtask, in one call with the others of its batch. An answer is sent
   * in a later microtask, so a row is on disk before its answer leaves.
   */
  add(row: Row): void;
  /** Forget rows that are stored elsewhere or lost. Unknown rows are ignored. */
  settle(rows: readonly Row[]): void;
  /** Whether rows cannot be written, for example because the disk is full. */
  fails(): boolean;
  /** Rows that are neither written nor settled, so that a kill would lose them. */
  failedRows(): number;
  /** Call it from time to time: if rows could not be written, try it again. */
  retry(): void;
  close(): void;
}

export interface JournalOptions {
  /** The folder of the spill of this process, whose files another process takes over. */
  readonly folder: string;
  readonly segmentBytes: number;
  /** Length of a pause after which another process takes over the files. */
  readonly orphanSeconds: number;
  /** Called when rows cannot be written, for example because the disk is full. */
  readonly onError: (error: unknown) => void;
}

/** Enough to write all rows soon, and few enough to block no answer meanwhile. */
const rowsPerRetry = 500;

/** How often the owner of a file is looked up, as a part of the pause after which it may change. */
const ownerCheckShare = 0.05;

interface JournalSegment {
  readonly path: string;
  readonly descriptor: number;
  readonly inode: bigint;
  bytes: number;
  /** Rows that are not settled. */
  open: number;
}

export function openJournal<Row extends object>({
  folder,
  segmentBytes,
  orphanSeconds,
  onError,
}: JournalOptions): RowJournal<Row> {
  const id = randomBytes(6).toString('hex');
  const segments = new Map<Row, JournalSegment>();
  /** Rows that could not be written, and are not settled. */
  const failed = new Set<Row>();
  let failing = false;
  let current: JournalSegment | null = null;
  let unwritten: Row[] = [];
  let sequence = 0;
  let checkedAt = -Infinity;

  function add(row: Row): void {
    unwritten.push(row);
    if (unwritten.length === 1) queueMicrotask(write);
  }

  function write(): void {
    const rows = unwritten;
    unwritten = [];
    if (rows.length > 0) putRows(rows);
  }

  function putRows(rows: readonly Row[]): void {
    // An empty line, which readers skip, shows whether the disk accepts data.
    const lines = rows.length === 0 ? ['\n'] : rows.map((row) => `${JSON.stringify(row)}\n`);
    try {
      const segment = appendText(Buffer.from(lines.join('')));
      for (const row of rows) {
        segments.set(row, segment);
        failed.delete(row);
      }
      segment.open += rows.length;
      failing = false;
      if (segment.bytes >= segmentBytes) current = null;
      end(segment);
    } catch (error) {
      for (const row of rows) failed.add(row);
      failing = true;
      onError(error);
    }
  }

  /**
   * Another process takes over the files of this one when it has paused for long, and then reads
   * and removes them. Rows that were written before it did so are read by it.
   */
  function appendText(text: Buffer): JournalSegment {
    let segment = current ?? openSegment();
    append(segment, text);
    if (!isStillOwn(segment)) {
      current = null;
      end(segment);
      segment = openSegment();
      append(segment, text);
    }
    return segment;
  }

  function isStillOwn(segment: JournalSegment): boolean {
    // The wall clock, because the monotonic one does not count the sleep of a machine.
    const sinceMs = Math.abs(Date.now() - checkedAt);
    if (sinceMs < orphanSeconds * 1000 * ownerCheckShare) return true;
    checkedAt = Date.now();
    return isOwn(segment);
  }

  function retry(): void {
    if (fails()) putRows([...failed].slice(0, rowsPerRetry));
  }

  function fails(): boolean {
    return failing || failed.size > 0;
  }

  /** A part of a row would count as lost for the process that reads it. */
  function append(segment: JournalSegment, text: Buffer): void {
    let written = 0;
    try {
      while (written < text.length) written += writeSync(segment.descriptor, text, written);
      segment.bytes += text.length;
    } catch (error) {
      if (written > 0) ftruncateSync(segment.descriptor, segment.bytes);
      throw error;
    }
  }

  function openSegment(): JournalSegment {
    // Whoever takes over the files removes the folder.
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    sequence += 1;
    const name = `${String(Date.now()).padStart(15, '0')}-${id}-${String(sequence).padStart(9, '0')}.ndjson`;
    const path = join(folder, name);
    const descriptor = openSync(path, 'a', 0o600);
    const { ino: inode } = fstatSync(descriptor, { bigint: true });
    current = { path, descriptor, inode, bytes: 0, open: 0 };
    return current;
  }

  function settle(rows: readonly Row[]): void {
    // So that each row is known before it is settled.
    if (unwritten.length > 0) write();
    for (const row of rows) {
      failed.delete(row);
      const segment = segments.get(row);
      if (segment === undefined) continue;
      segments.delete(row);
      segment.open -= 1;
      if (segment.open === 0) end(segment);
    }
  }

  /** An empty segment is used again while it is the current one. */
  function end(segment: JournalSegment): void {
    if (segment.open > 0) return;
    if (segment === current) {
      ftruncateSync(segment.descriptor);
      segment.bytes = 0;
      return;
    }
    closeSync(segment.descriptor);
    rmSync(segment.path, { force: true });
  }

  return {
    add,
    settle,
    fails,
    failedRows: () => failed.size,
    retry,
    close() {
      write();
      const last = current;
      current = null;
      if (last !== null) end(last);
    },
  };
}

function isOwn({ path, inode }: JournalSegment): boolean {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino === inode;
}
