import type { RunRecord, RunStartPayload } from '../db/repositories/runs';
import type { LifecycleInput } from '../workflows/messages';

/** What a run's workflow is started with, by the API at once or by the sweeper later: always the same. */
export function startInput(
  tenant: RunRecord['tenant'],
  { lifecycle, kind, revisionDigest, request, actor, traceId }: Omit<RunStartPayload, 'runId' | 'workflowId'>,
): LifecycleInput {
  return { tenant, lifecycle, kind, revision: revisionDigest, request, actor, traceId };
}
