/** Ends a project worker whose event loop a stage blocks, and fails that stage. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { AsyncCompletionClient, type Connection } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { FailureType } from '../../domain/failure';
import { formatSeconds } from '../../domain/duration';
import type { Logger } from '../log';
import { blockedStageDescriptor, type BlockedStage } from './loop-watch';

/** Fails the attempt of a stage from outside of its worker. */
export type FailStage = (stage: BlockedStage, failed: ApplicationFailure) => Promise<void>;

export function failStageIn({
  connection,
  namespace,
}: {
  readonly connection: Connection;
  readonly namespace: string;
}): FailStage {
  const completion = new AsyncCompletionClient({ connection, namespace });
  return ({ taskToken }, failed) => completion.fail(Buffer.from(taskToken, 'base64'), failed);
}

/**
 * The other stages of the process are retried by its successor. The blocking one is not retried,
 * because it would block again.
 */
export function endBlockedWorker(
  child: ChildProcess,
  { failStage, log }: { readonly failStage: FailStage; readonly log: Logger },
): void {
  const reports = child.stdio[blockedStageDescriptor] as Readable | null | undefined;
  if (!reports) return;
  reports.on('error', () => undefined);
  createInterface({ input: reports }).on('line', (line) => {
    const blocked = readReport(line);
    if (blocked === null) {
      log.error('a project worker sent a report that is no blocked stage, and is ended');
      child.kill('SIGKILL');
      return;
    }
    log.error({ stage: blocked.name, stillMs: blocked.stillMs }, 'a stage blocks its worker');
    failStage(blocked, buildFailure(blocked))
      .catch((error: unknown) =>
        log.warn({ stage: blocked.name, err: error }, 'a blocking stage was not failed'),
      )
      .finally(() => child.kill('SIGKILL'));
  });
}

/** Null for another line, because code of the project can write to the descriptor, too. */
function readReport(line: string): BlockedStage | null {
  try {
    const { name, taskToken, limitMs, stillMs } = JSON.parse(line) as Partial<BlockedStage>;
    return typeof name === 'string' &&
      typeof taskToken === 'string' &&
      typeof limitMs === 'number' &&
      typeof stillMs === 'number'
      ? { name, taskToken, limitMs, stillMs }
      : null;
  } catch {
    return null;
  }
}

function buildFailure({ name, limitMs }: BlockedStage): ApplicationFailure {
  const type: FailureType = 'StageRefused';
  const limit = limitMs < 1000 ? `${limitMs}ms` : formatSeconds(Math.round(limitMs / 1000));
  return ApplicationFailure.create({
    type,
    nonRetryable: true,
    message: `stage ${name} computed for more than ${limit} without an await, which blocks all runs of its worker; the worker was restarted`,
    details: [
      {
        issues: [],
        next: 'end the loop, await in it, or compute in a Python step or a job; then perennial deploy',
      },
    ],
  });
}
