import { closeSync, fstatSync, mkdirSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';

/**
 * Keeps on disk how many requests are in progress, because a process that is killed can neither
 * answer nor log them. Another process then counts them as interrupted.
 */
export interface RequestsInProgress {
  begin(tenant: string, model: string): CountedModel;
  /** Call it once for each `begin`, when the answer has left. */
  end(model: CountedModel): void;
  /** Call it from time to time: another process may have taken over the file. */
  tend(): void;
  /** Removes the file, because all requests have ended. */
  close(): void;
}

export interface CountedModel {
  readonly tenant: string;
  /** Model name in the request, without its alias. */
  readonly model: string;
  requests: number;
  /** Its line without the number. */
  readonly line: string;
  readonly lineBytes: number;
}

export interface RequestsInProgressOptions {
  /** The folder of the spill of this process, whose files another process takes over. */
  readonly folder: string;
  readonly onError: (error: unknown) => void;
}

export const progressSuffix = '.progress';

/**
 * One page of memory. A kill can interrupt a write only between two pages, so a file of this length
 * is never half old and half new.
 */
const fileBytes = 4_096;
const digits = 10;

interface OpenFile {
  readonly descriptor: number;
  readonly inode: bigint;
}

export function openRequestsInProgress({
  folder,
  onError,
}: RequestsInProgressOptions): RequestsInProgress {
  const models = new Map<string, CountedModel>();
  const path = join(folder, `${basename(folder)}${progressSuffix}`);
  const bytes = Buffer.alloc(fileBytes, '\n');
  let file: OpenFile | null = null;
  let written = '';
  let isScheduled = false;
  let isClosed = false;
  open();

  function begin(tenant: string, model: string): CountedModel {
    const key = `${tenant}/${model}`;
    let counted = models.get(key);
    if (counted === undefined) {
      counted = findModel(tenant, model);
      models.set(key, counted);
    }
    counted.requests += 1;
    schedule();
    return counted;
  }

  function end(counted: CountedModel): void {
    counted.requests -= 1;
    // Names come from callers, so a model without requests must take no memory.
    if (counted.requests === 0) models.delete(`${counted.tenant}/${counted.model}`);
    schedule();
  }

  /** One write for all requests that begin and end in one turn of the event loop. */
  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(write);
  }

  function write(): void {
    isScheduled = false;
    if (file === null) return;
    const text = formatModels(models.values());
    if (text === written) return;
    try {
      writeSync(file.descriptor, bytes, 0, bytes.write(text), 0);
      written = text;
    } catch (error) {
      closeCounts();
      onError(error);
    }
  }

  /** Written in full at once, so that later writes need no space on the disk. */
  function open(): void {
    let descriptor: number | null = null;
    try {
      // Whoever takes over the files removes the folder.
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      descriptor = openSync(path, 'w', 0o600);
      writeSync(descriptor, bytes.fill('\n'), 0, fileBytes, 0);
      file = { descriptor, inode: fstatSync(descriptor, { bigint: true }).ino };
      written = '\n';
      schedule();
    } catch (error) {
      if (descriptor !== null) closeSync(descriptor);
      onError(error);
    }
  }

  function closeCounts(): void {
    if (file !== null) closeSync(file.descriptor);
    file = null;
  }

  return {
    begin,
    end,
    tend() {
      if (isClosed) return;
      const { ino } = statSync(path, { bigint: true, throwIfNoEntry: false }) ?? { ino: null };
      if (file !== null && file.inode !== ino) closeCounts();
      if (file === null) open();
    },
    close() {
      isClosed = true;
      if (file === null) return;
      closeCounts();
      rmSync(path, { force: true });
    },
  };
}

function findModel(tenant: string, model: string): CountedModel {
  const line = `${JSON.stringify([tenant, model]).slice(0, -1)},`;
  return { tenant, model, requests: 0, line, lineBytes: Buffer.byteLength(line) };
}

/**
 * One line for each model, and an empty line at the end, behind which older text may stand. Models
 * beyond the length of the file share one line without a name.
 */
function formatModels(models: Iterable<CountedModel>): string {
  let text = '';
  let left = fileBytes - formatRest(0).length - digits - 1;
  let unnamed = 0;
  for (const { line, lineBytes, requests } of models) {
    left -= lineBytes + digits + 2;
    if (left < 0) unnamed += requests;
    else text += `${line}${requests}]\n`;
  }
  return `${text}${unnamed === 0 ? '' : formatRest(unnamed)}\n`;
}

function formatRest(requests: number): string {
  return `["","",${requests}]\n`;
}

/** The text of a file of a process that has ended. @throws SyntaxError if it cannot be read */
export function parseInProgress(
  text: string,
): readonly Pick<CountedModel, 'tenant' | 'model' | 'requests'>[] {
  const [lines = ''] = `\n${text}`.split('\n\n');
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [tenant, model, requests] = JSON.parse(line) as [string, string, number];
      return { tenant, model, requests };
    });
}
