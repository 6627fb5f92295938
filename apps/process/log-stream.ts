import { write, writeSync } from 'node:fs';

export interface LogStream {
  write(line: string): void;
  /**
   * Writes queued lines, for at most a second. Never throws, because a process must be able to end
   * on a full disk.
   */
  flushSync(): void;
}

export interface LogStreamOptions {
  readonly fd: number;
  /** Further lines are dropped and counted. */
  readonly maxQueuedBytes?: number;
  /** Tests replace the disk here. */
  readonly writeToFile?: typeof write;
}

let dropped = 0;

/** Log lines that this process could not write. */
export function droppedLogLines(): number {
  return dropped;
}

/**
 * Writes log lines in the background and drops them rather than stop the process. pino's own
 * destination throws on a full disk, keeps all lines in memory, and retries for ever at exit. The
 * first line after an outage reports how many were dropped.
 */
export function openLogStream({
  fd,
  maxQueuedBytes = 4 * 1024 * 1024,
  writeToFile = write,
}: LogStreamOptions): LogStream {
  let queue: string[] = [];
  let queuedBytes = 0;
  let writing = false;
  let lost: { lines: number; reason: string } | null = null;
  let isReaderGone = false;

  function drop(lines: number, reason: string): void {
    dropped += lines;
    lost = { lines: (lost?.lines ?? 0) + lines, reason };
  }

  function writeQueue(): void {
    if (writing || queue.length === 0) return;
    writing = true;
    const lines = queue;
    queue = [];
    queuedBytes = 0;
    // A write that failed within a line has left no line break.
    const notice = lost === null ? '' : `\n${writeNotice(lost)}`;
    writeAll(Buffer.from(notice + lines.join('')), (error) => {
      writing = false;
      if (error === null) lost = null;
      else drop(lines.length, error.code ?? error.message);
      if (error?.code === 'EPIPE') isReaderGone = true;
      // A failing disk is tried again with the next line, not in a loop.
      else if (error === null) writeQueue();
    });
  }

  function writeAll(bytes: Buffer, done: (error: NodeJS.ErrnoException | null) => void): void {
    writeToFile(fd, bytes, (error, written) => {
      if (error?.code === 'EAGAIN') setTimeout(() => writeAll(bytes, done), retryMs);
      else if (error !== null) done(error);
      else if (written < bytes.length) writeAll(bytes.subarray(written), done);
      else done(null);
    });
  }

  return {
    write(line) {
      if (isReaderGone) return;
      const bytes = Buffer.byteLength(line);
      if (queuedBytes + bytes > maxQueuedBytes) drop(1, 'the queue is full');
      else {
        queue.push(line);
        queuedBytes += bytes;
      }
      writeQueue();
    },
    flushSync() {
      let bytes = Buffer.from(queue.join(''));
      queue = [];
      queuedBytes = 0;
      for (const end = Date.now() + 1000; bytes.length > 0 && Date.now() < end;) {
        try {
          bytes = bytes.subarray(writeSync(fd, bytes));
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryMs);
        }
      }
    },
  };
}

/** A pipe with a slow reader temporarily accepts no data. */
const retryMs = 20;

function writeNotice({
  lines,
  reason,
}: {
  readonly lines: number;
  readonly reason: string;
}): string {
  const msg = `${lines} log lines were dropped because they could not be written (${reason})`;
  return `${JSON.stringify({ level: 'error', time: new Date().toISOString(), droppedLines: lines, msg })}\n`;
}
