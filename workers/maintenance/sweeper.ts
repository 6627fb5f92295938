import { startInput } from '../../apps/temporal-clients/run-start-input';
import type { IndexClient } from '../../apps/temporal-clients/index-client';
import type { LifecycleClient } from '../../apps/temporal-clients/lifecycle-client';
import type { ScheduleClient } from '../../apps/temporal-clients/schedule-client';
import { syncSchedule } from '../../apps/temporal-clients/schedule-sync';
import type { Registry } from '../../db/registry';
import type { OutboxEntry } from '../../db/notification/outbox-repository';
import type { OutboxTopic } from '../../db/notification/outbox-schema';
import type { NewDataPayload } from '../../db/retraining/new-data';
import type { RunRecord, RunStartPayload } from '../../db/run/repository';
import type { RunCancelPayload, RunChangedPayload } from '../../db/run/follow-up';
import { isPerennialError } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import { isFinal } from '../../domain/run/run';
import { isOpenRollout } from '../../domain/rollout/rollout';
import type { Verdict } from '../../domain/verdict';
import type { IndexRetirementInput } from '../../workflows/index-version/messages';
import type { Logger } from '../log';

export interface SweeperDeps {
  readonly registry: Registry;
  readonly lifecycles: LifecycleClient;
  readonly log: Logger;
}

export interface OutboxDeps extends SweeperDeps {
  readonly schedules: Pick<ScheduleClient, 'sync'>;
  readonly indexes: Pick<IndexClient, 'changed' | 'retired'>;
}

const swept = [
  'run.start',
  'run.changed',
  'run.cancel',
  'alias.moved',
  'schedule.sync',
  'index.changed',
  'index.retired',
  'retraining.requested',
] as const satisfies readonly OutboxTopic[];

/**
 * Executes accepted changes that are still in the outbox, for example after a crash (I1). Starting
 * a run twice is harmless, because its workflow id derives from the run.
 */
export async function sweepOutbox({
  registry,
  lifecycles,
  schedules,
  indexes,
  log,
}: OutboxDeps): Promise<void> {
  for (const entry of await registry.outbox.claim({
    limit: 100,
    leaseSeconds: 30,
    topics: swept,
  })) {
    try {
      if (entry.topic === 'run.start') {
        const payload = entry.payload as unknown as RunStartPayload;
        await lifecycles.start(payload.workflowId, startInput(entry.tenant, payload));
      }
      if (entry.topic === 'run.changed') {
        const { workflowId, changed } = entry.payload as unknown as RunChangedPayload;
        await lifecycles.notify(workflowId, changed);
      }
      if (entry.topic === 'run.cancel') {
        const { runId: id } = entry.payload as unknown as RunCancelPayload;
        await cancelRun({ registry, lifecycles }, { tenant: entry.tenant, id });
      }
      if (entry.topic === 'schedule.sync') {
        await syncSchedule(
          { registry, schedules },
          { tenant: entry.tenant, lifecycle: String(entry.payload['lifecycle']) },
        );
      }
      if (entry.topic === 'index.changed')
        await indexes.changed({ tenant: entry.tenant, index: String(entry.payload['index']) });
      if (entry.topic === 'index.retired') {
        await indexes.retired({
          tenant: entry.tenant,
          ...(entry.payload as Omit<IndexRetirementInput, 'tenant'>),
        });
      }
      if (entry.topic === 'retraining.requested')
        await requestForNewData({ registry, log }, entry.tenant, entry.payload);
      await registry.outbox.done({ id: entry.id });
    } catch (error) {
      log.warn(
        { err: error, entry: entry.id, topic: entry.topic, attempts: entry.attempts },
        'outbox entry failed; it will be retried',
      );
      await registry.outbox.retry({
        id: entry.id,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }
}

/** A lifecycle that was archived or deleted meanwhile needs no run, so its request is dropped. */
async function requestForNewData(
  { registry, log }: Pick<OutboxDeps, 'registry' | 'log'>,
  tenant: Tenant,
  payload: OutboxEntry['payload'],
): Promise<void> {
  const { lifecycle, reason } = payload as unknown as NewDataPayload;
  const cause = { kind: 'data', reason, brokenData: null } as const;
  try {
    await registry.retrainings.request({ tenant, lifecycle, cause });
  } catch (error) {
    if (!isPerennialError(error) || !['Conflict', 'NotFound'].includes(error.type)) throw error;
    log.info({ err: error, tenant, lifecycle }, 'new data start no run of this lifecycle');
  }
}

/** A run that has not started yet starts first, so that it records its own end. */
async function cancelRun(
  { registry, lifecycles }: Pick<OutboxDeps, 'registry' | 'lifecycles'>,
  of: Pick<RunRecord, 'tenant' | 'id'>,
): Promise<void> {
  const run = await registry.runs.get(of);
  if (!run || isFinal(run.status)) return;
  if (run.status === 'pending') await lifecycles.start(run.workflowId, startInput(run.tenant, run));
  await lifecycles.cancel(run.workflowId);
}

export interface ReconcileOptions {
  readonly olderThanSeconds: number;
  readonly pageSize?: number;
  readonly stopped?: AbortSignal;
}

/**
 * Temporal needs some milliseconds per run; 20,000 runs in sequence would take a minute.
 */
const comparedAtOnce = 4;

/**
 * Compares the unfinished runs of the registry with Temporal, page by page. A run whose execution
 * is unknown is started again and continues after its finished stages. A run whose execution ended
 * without closing it becomes `lost`. A run that cannot continue shows why (I12).
 */
export async function reconcileRuns(
  deps: SweeperDeps,
  { olderThanSeconds, pageSize = 500, stopped }: ReconcileOptions,
): Promise<void> {
  const compare = (run: RunRecord): Promise<void> =>
    reconcile(deps, run).catch((error: unknown) => {
      deps.log.warn(
        { err: error, runId: run.id, traceId: run.traceId },
        'comparing a run with Temporal failed; it will be retried',
      );
    });
  let after: RunRecord | undefined;
  do {
    const page: readonly RunRecord[] = await deps.registry.runs.unfinished({
      olderThanSeconds,
      limit: pageSize,
      after,
    });
    for (let from = 0; from < page.length; from += comparedAtOnce) {
      if (stopped?.aborted) return;
      await Promise.all(page.slice(from, from + comparedAtOnce).map(compare));
    }
    after = page.length < pageSize ? undefined : page.at(-1);
  } while (after !== undefined);
}

async function reconcile(
  { registry, lifecycles, log }: SweeperDeps,
  run: RunRecord,
): Promise<void> {
  const { execution, heldUp } = await lifecycles.executionState(run.workflowId);
  if (execution === 'running') {
    // Changes only the displayed reason, and only if the run has not written since it was read.
    await registry.runs.showHeldUp({
      tenant: run.tenant,
      id: run.id,
      seen: run,
      heldUp,
      actor: 'reconcile',
    });
    return;
  }
  if (execution === 'unknown') {
    log.info(
      { runId: run.id, traceId: run.traceId, status: run.status },
      'execution unknown to Temporal; run started again',
    );
    await lifecycles.start(run.workflowId, startInput(run.tenant, run));
    return;
  }
  await showAsLost(registry, run, execution);
  log.error(
    { runId: run.id, traceId: run.traceId, execution },
    'execution ended without closing its run',
  );
}

async function showAsLost(registry: Registry, run: RunRecord, execution: string): Promise<void> {
  const { tenant, id: runId } = run;
  const rollout = await registry.rollouts.ofRun({ tenant, runId });
  // The rollout first, so that its challenger cannot be promoted (I7). If the rollout's own
  // workflow has ended it meanwhile, that end stays.
  if (rollout && isOpenRollout(rollout.status)) {
    const cause = `its run was lost: the workflow ended as ${execution}`;
    const verdict: Verdict = {
      kind: 'inconclusive',
      reasons: [{ gate: 'canary', code: 'canary.aborted', message: `aborted: ${cause}` }],
    };
    await registry.rollouts.end({
      tenant,
      id: rollout.id,
      status: 'aborted',
      verdict,
      decisionId: null,
      actor: 'reconcile',
      cause,
    });
  }
  const failure = {
    type: 'Lost',
    message:
      `the workflow ended as ${execution} without closing this run; ` +
      'see it in the Temporal Web UI',
  };
  await registry.runs.update({ tenant, id: runId, status: 'lost', failure });
}
