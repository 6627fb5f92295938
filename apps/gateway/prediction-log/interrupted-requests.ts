import { readdir, readFile, rename, stat, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { GatewayRepository } from '../../../db/serving/gateway-repository';
import { withTimeout } from '../../../data/timeout';
import { failure } from '../../../domain/failure';
import { parseInProgress, progressSuffix } from './requests-in-progress';

/** Counts the requests that were in progress in processes that are dead. */
export interface InterruptedRequests {
  /** Take the file out of the folder of a dead process. */
  takeOver(orphan: string): Promise<void>;
  /**
   * Report the files that were taken over, and remove them. Files that cannot be reported are
   * retried next time. Another process takes them over if this one dies. The registry counts a file
   * once, however often it is reported.
   */
  report(): Promise<void>;
}

export interface InterruptedModel {
  readonly tenant: string;
  readonly model: string;
  readonly requests: number;
}

export interface InterruptedRequestsOptions {
  readonly gateways: Pick<GatewayRepository, 'reportInterrupted'>;
  /** The folder of the spill of this process. */
  readonly folder: string;
  /** `at` is the last change of the file, RFC 3339. */
  readonly onInterrupted: (interrupted: InterruptedModel & { readonly at: string }) => void;
  readonly timeoutMs: number;
}

export function createInterruptedRequests({
  gateways,
  folder,
  onInterrupted,
  timeoutMs,
}: InterruptedRequestsOptions): InterruptedRequests {
  let reporting: Promise<void> | null = null;

  async function takeOver(orphan: string): Promise<void> {
    for (const name of await readdir(orphan).catch(() => []))
      if (name.endsWith(progressSuffix))
        // If two processes race, the second rename fails.
        await rename(join(orphan, name), join(folder, name)).catch(() => undefined);
  }

  /** One at a time, so that no file is read while it is removed. */
  function report(): Promise<void> {
    reporting ??= reportFiles().finally(() => {
      reporting = null;
    });
    return reporting;
  }

  async function reportFiles(): Promise<void> {
    const own = `${basename(folder)}${progressSuffix}`;
    for (const name of await readdir(folder).catch(() => []))
      if (name.endsWith(progressSuffix) && name !== own)
        await reportFile(name.slice(0, -progressSuffix.length), join(folder, name));
  }

  async function reportFile(id: string, path: string): Promise<void> {
    const at = (await stat(path)).mtime.toISOString();
    const models = await read(path);
    if (models.length > 0)
      await withTimeout(timeoutMs, gateways.reportInterrupted({ id, at, models }), {
        type: 'DatabaseUnavailable',
        message: 'the registry did not accept the counts of interrupted requests',
      });
    await unlink(path);
    for (const each of models) onInterrupted({ ...each, at });
  }

  return { takeOver, report };
}

async function read(path: string): Promise<readonly InterruptedModel[]> {
  const text = await readFile(path, 'utf8');
  try {
    return parseInProgress(text);
  } catch (error) {
    // It will not become readable.
    await unlink(path);
    throw failure('InvalidInput', `the numbers of interrupted requests in ${path} are damaged`, {
      cause: error,
    });
  }
}
