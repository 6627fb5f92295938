import { Context } from '@temporalio/activity';
import type { ArtifactStore } from '../../../data/artifact/store';
import { withTimeout } from '../../../data/timeout';
import type { Registry } from '../../../db/registry';
import type { ArtifactRef } from '../../../domain/artifact';
import type { IdempotencyKey, RunId, Tenant } from '../../../domain/ids';
import type { LogEnd } from '../../../domain/training/job';
import { keptLogBytes } from './job-file';

export interface LogRecords {
  readonly events: Pick<Registry['events'], 'append'>;
  readonly artifacts: Pick<Registry['artifacts'], 'reference'>;
}

interface LogOwner {
  readonly tenant: Tenant;
  readonly runId: RunId;
  /** The id of the job. */
  readonly key: IdempotencyKey;
}

/** A run that is being cancelled waits at most this long for its log. */
const cancelledLogMs = 15_000;

/**
 * Records the log of a failed job for `run logs`. The job's own failure matters more, so a failed
 * write is only logged.
 */
export async function keepLogs(
  registry: LogRecords,
  owner: LogOwner,
  logs: ArtifactRef,
): Promise<void> {
  try {
    await record(registry, owner, { kind: 'job.failed', logs });
  } catch (error) {
    Context.current().log.warn('could not record the log of a failed job', {
      reason: (error as Error).message,
    });
  }
}

/**
 * Stores and records the log of a cancelled job for `run logs`. The log of an ended job does not
 * change, so a second call records the same. A failure is only logged, because an unavailable store
 * must not prevent the cancellation.
 */
export function cancelledLogKeeper(
  {
    registry,
    artifacts,
  }: {
    readonly registry: LogRecords;
    readonly artifacts: Pick<ArtifactStore, 'putBytes'>;
  },
  { tenant, runId, key }: LogOwner,
): (read: (maxBytes: number) => Promise<LogEnd>) => Promise<void> {
  const { log } = Context.current();
  return async (read) => {
    const keep = async (): Promise<void> => {
      const { text } = await read(keptLogBytes);
      if (text === '') return;
      const logs = await artifacts.putBytes({
        tenant,
        runId,
        bytes: Buffer.from(text),
        mediaType: 'text/plain; charset=utf-8',
      });
      await record(registry, { tenant, runId, key }, { kind: 'job.cancelled', logs });
    };
    try {
      await withTimeout(cancelledLogMs, keep(), {
        type: 'StorageUnavailable',
        message: `could not store the log of job ${key}`,
      });
    } catch (error) {
      log.warn('could not store the log of a cancelled job', { reason: (error as Error).message });
    }
  };
}

async function record(
  { events, artifacts }: LogRecords,
  { tenant, runId, key }: LogOwner,
  { kind, logs }: { readonly kind: string; readonly logs: ArtifactRef },
): Promise<void> {
  await artifacts.reference({ tenant, digest: logs.digest, by: `run:${runId}` });
  await events.append({ tenant, runId, kind, stage: key.split('/')[1], data: { job: key, logs } });
}
