import type { ArtifactRef } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import type { ArtifactStore } from '../../data/artifacts/store';
import type { Registry } from '../../db/registry';
import type { RunRecord } from '../../db/repositories/runs';

/** The logs of the run's jobs that have ended, as text. */
export async function readLogs(
  { registry, artifacts }: { readonly registry: Registry; readonly artifacts: ArtifactStore },
  run: RunRecord,
): Promise<string> {
  const train = await registry.stages.get({ tenant: run.tenant, runId: run.id, stage: 'train' });
  const logs = logsOf(train?.output);
  if (!logs)
    throw failure('NotFound', `${run.id} has no job log: its train stage has not finished`, { next: `perennial run show ${run.id}` });
  return Buffer.from(await artifacts.getBytes(logs)).toString('utf8');
}

function logsOf(stored: unknown): ArtifactRef | null {
  const output = (stored as { output?: { logs?: ArtifactRef } } | null | undefined)?.output;
  return output?.logs ?? null;
}
