import { Context } from '@temporalio/activity';
import type { Registry } from '../../../db/registry';
import type { ArtifactRef } from '../../../domain/dataset/artifact';
import type { IdempotencyKey, RunId, Tenant } from '../../../domain/ids';

export interface LogRecords {
  readonly events: Pick<Registry['events'], 'append'>;
  readonly artifacts: Pick<Registry['artifacts'], 'reference'>;
}

/**
 * Records the log of a failed job for `run logs`. The job's own failure matters more, so a failed
 * write is only logged.
 */
export async function keepLogs(
  registry: LogRecords,
  {
    tenant,
    runId,
    key,
  }: { readonly tenant: Tenant; readonly runId: RunId; readonly key: IdempotencyKey },
  logs: ArtifactRef,
): Promise<void> {
  try {
    await registry.artifacts.reference({ tenant, digest: logs.digest, by: `run:${runId}` });
    await registry.events.append({
      tenant,
      runId,
      kind: 'job.failed',
      stage: key.split('/')[1],
      data: { job: key, logs },
    });
  } catch (error) {
    Context.current().log.warn('could not record the log of a failed job', {
      reason: (error as Error).message,
    });
  }
}
