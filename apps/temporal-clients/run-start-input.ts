import type { RunRecord, RunStartPayload } from '../../db/run/repository';
import type { LifecycleInput } from '../../workflows/run/messages';

/**
 * What a run's workflow is started with, by the API at once or by the sweeper later: always the
 * same.
 */
export function startInput(
  tenant: RunRecord['tenant'],
  {
    lifecycle,
    kind,
    revisionDigest,
    request,
    actor,
    traceId,
  }: Omit<RunStartPayload, 'runId' | 'workflowId'>,
): LifecycleInput {
  return { tenant, lifecycle, kind, revision: revisionDigest, request, actor, traceId };
}
