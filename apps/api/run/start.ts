import type { FastifyBaseLogger } from 'fastify';
import type { RunId } from '../../../domain/ids';
import { failure } from '../../../domain/failure';
import { isFinal } from '../../../domain/run/run';
import type { Registry } from '../../../db/registry';
import type { RunRecord, RunRepository } from '../../../db/run/repository';
import type { LifecycleClient } from '../../temporal-clients/lifecycle-client';
import { waitBriefly } from '../brief-wait';
import { startInput } from '../../temporal-clients/run-start-input';
import type { ApiKeyIdentity } from '../../../db/access/repository';

interface RunStartDeps {
  readonly registry: Pick<Registry, 'runs'>;
  readonly lifecycles: LifecycleClient;
  readonly log: FastifyBaseLogger;
}

/**
 * First writes the row and its outbox entry in one transaction, then starts the workflow. If this
 * process crashes between them, or Temporal is unavailable, the sweeper starts it from the outbox
 * (I1).
 */
export async function startRun(
  { registry, lifecycles, log }: RunStartDeps,
  accept: Parameters<RunRepository['accept']>[0],
): Promise<RunRecord> {
  const { run, created } = await registry.runs.accept(accept);
  if (!created) return run;
  const { id: runId, lifecycle, traceId, actor } = run;
  log.info({ runId, lifecycle, traceId, actor }, 'run accepted');
  await waitBriefly(lifecycles.start(run.workflowId, startInput(run.tenant, run)), (error) =>
    log.warn({ err: error, runId, traceId }, 'not started yet; the sweeper will start it'),
  );
  return run;
}

/**
 * Sends a command to the run's workflow. An accepted run that is still in the outbox is started
 * first.
 * @throws Conflict if the run has ended.
 */
export async function command<T>(
  lifecycles: LifecycleClient,
  run: RunRecord,
  say: (workflowId: string) => Promise<T>,
): Promise<T> {
  if (isFinal(run.status)) {
    throw failure('Conflict', `${run.id} has already ended (status: ${run.status})`, {
      next: `perennial run show ${run.id}`,
    });
  }
  if (run.status === 'pending') await lifecycles.start(run.workflowId, startInput(run.tenant, run));
  return say(run.workflowId);
}

export async function findRun(
  registry: Pick<Registry, 'runs'>,
  { tenant }: Pick<ApiKeyIdentity, 'tenant'>,
  id: string,
): Promise<RunRecord> {
  const run = await registry.runs.get({ tenant, id: id as RunId });
  if (!run) throw failure('NotFound', `there is no run ${id}`, { next: 'perennial run list' });
  return run;
}
