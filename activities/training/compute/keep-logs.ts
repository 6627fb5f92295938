import { Context } from '@temporalio/activity';
import type { Registry } from '../../../db/registry';
import type { ArtifactRef } from '../../../domain/dataset/artifact';
import type { IdempotencyKey, RunId, Tenant } from '../../../domain/ids';

export interface LogRecords {
  readonly events: Pick<Registry['events'], 'append'>;
  readonly artifacts: Pick<Registry['artifacts'], 'reference'>;
}

/**
 * Where `run logs` finds what a job wrote that left nothing else. Why it failed is worth more than
 * its log, so a failed write is only logged.
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
    Context.current().log.warn('the log of a failed job was not recorded', {
      reason: (error as Error).message,
    });
  }
}
