import { randomBytes } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, rmSync, writeSync } from 'node:fs';
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
  close(): void;
}

export interface JournalOptions {
  /** The folder of the spill of this process, whose files another process takes over. */
  readonly folder: string;
  readonly segmentBytes: number;
  /** Called when rows cannot be written, for example because the disk is full. */
  readonly onError: (error: unknown) => void;
}

interface JournalSegment {
  readonly path: string;
  readonly descriptor: number;
  bytes: number;
  /** Rows that are not settled. */
  open: number;
}

export function openJournal<Row extends object>({
  folder,
  segmentBytes,
  onError,
}: JournalOptions): RowJournal<Row> {
  const id = randomBytes(6).toString('hex');
  const segments = new Map<Row, JournalSegment>();
  let current: JournalSegment | null = null;
  let unwritten: Row[] = [];
  let sequence = 0;

  function add(row: Row): void {
    unwritten.push(row);
    if (unwritten.length === 1) queueMicrotask(write);
  }

  function write(): void {
    const rows = unwritten;
    unwritten = [];
    if (rows.length === 0) return;
    try {
      const segment = current ?? openSegment();
      append(segment, Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join('')));
      for (const row of rows) segments.set(row, segment);
      segment.open += rows.length;
      if (segment.bytes >= segmentBytes) {
        current = null;
        end(segment);
      }
    } catch (error) {
      onError(error);
    }
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
    sequence += 1;
    const name = `${String(Date.now()).padStart(15, '0')}-${id}-${String(sequence).padStart(9, '0')}.ndjson`;
    const path = join(folder, name);
    current = { path, descriptor: openSync(path, 'a', 0o600), bytes: 0, open: 0 };
    return current;
  }

  function settle(rows: readonly Row[]): void {
    // So that each row is known before it is settled.
    if (unwritten.length > 0) write();
    for (const row of rows) {
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
    close() {
      write();
      const last = current;
      current = null;
      if (last !== null) end(last);
    },
  };
}
