import type { RunRecord, RunStartPayload } from '../../db/run/repository';
import type { LifecycleInput } from '../../workflows/run/messages';

/** The start input of a run's workflow, which is the same from the API and from the sweeper. */
export function startInput(
  tenant: RunRecord['tenant'],
  {
    lifecycle,
    kind,
    program,
    revisionDigest,
    request,
    actor,
    traceId,
  }: Omit<RunStartPayload, 'runId' | 'workflowId'>,
): LifecycleInput {
  return {
    tenant,
    lifecycle,
    kind,
    ...(program && { program }),
    revision: revisionDigest,
    request,
    actor,
    traceId,
  };
}
