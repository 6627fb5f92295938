import type { RunId } from '../../domain/ids';
import { failure } from '../../domain/failure';
import type { Registry } from '../../db/registry';
import type { RunRecord, RunRepository } from '../../db/repositories/runs';
import type { StageRecord } from '../../db/repositories/stages';
import type { LifecycleClient } from '../lifecycle-client';
import { startInput } from '../run-start-input';
import type { ApiKeyIdentity } from '../../db/repositories/api-keys';

type Accept = Parameters<RunRepository['accept']>[0];

/**
 * The row and its outbox entry are written first, in one transaction; then the workflow is started. When this process dies
 * in between, or Temporal is away, the sweeper starts it from the outbox: accepted is accepted (I1).
 */
export async function startRun(
  {
    registry,
    lifecycles,
    log,
  }: { readonly registry: Registry; readonly lifecycles: LifecycleClient; readonly log: { warn(about: object, message: string): void } },
  accept: Accept,
): Promise<{ readonly run: RunRecord; readonly created: boolean }> {
  const accepted = await registry.runs.accept(accept);
  const { run, created } = accepted;
  if (created) {
    await lifecycles
      .start(run.workflowId, startInput(run.tenant, run))
      .catch((error: unknown) => log.warn({ err: error, runId: run.id, traceId: run.traceId }, 'the sweeper will start this run'));
  }
  return accepted;
}

export async function findRun(registry: Registry, { tenant }: Pick<ApiKeyIdentity, 'tenant'>, id: string): Promise<RunRecord> {
  const run = await registry.runs.get({ tenant, id: id as RunId });
  if (!run) throw failure('NotFound', `no run ${id}`, { next: 'perennial run list' });
  return run;
}

export function runToJson(run: RunRecord, lifecycles: LifecycleClient) {
  const { tenant: _, workflowId, revisionDigest: revision, request, ...rest } = run;
  return { ...rest, revision, request: { ...request }, temporalUrl: lifecycles.url(workflowId) };
}

export function stageToJson({ stage, status, seconds, reusedFrom, decision, failure: failed }: StageRecord) {
  return { name: stage, status, seconds, reusedFrom, decision: decision?.id ?? null, verdict: decision?.verdict ?? null, failure: failed };
}
