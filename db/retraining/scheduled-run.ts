import type { RunId } from '../../domain/ids';
import { retrainingIncidents, type RetrainingAnswer } from '../../domain/retraining/retraining';
import type { Columns } from '../columns';
import type { Transaction } from '../connection';
import { openOne, type RunRecord, type RunRepository } from '../run/repository';
import { addSkip } from '../schedule/repository';
import type { LifecycleName } from './records';
import { applyRequest, openIncident } from './request';
import type { retrainings } from './schema';

/** The run, or why a brake or an open run prevented it. */
export type ScheduledRun =
  | { readonly kind: 'opened'; readonly run: RunRecord }
  | { readonly kind: 'skipped'; readonly cause: string };

export type ScheduledRunInput = Parameters<RunRepository['open']>[0] & {
  /** RFC 3339. */
  readonly scheduledAt: string;
  /** Whether the run may start beside an open automatic run. */
  readonly allowsOpenRun: boolean;
};

/**
 * Opens the run under the lock of automatic runs, so that it and a trigger make one run. Otherwise
 * records the skipped time. A repetition returns the opened run.
 */
export async function openScheduledRun(
  tx: Transaction,
  { scheduledAt, allowsOpenRun, ...input }: ScheduledRunInput,
): Promise<ScheduledRun> {
  const { tenant, lifecycle, workflowId } = input;
  const answer = await applyRequest(tx, input, {
    kind: 'scheduled',
    workflowId,
    allowsOpenRun,
    open: async () => (await openOne(tx, input)).id,
  });
  if (answer === null || answer.kind === 'started')
    return { kind: 'opened', run: await openOne(tx, input) };
  const cause = await describeCause(tx, input, answer);
  const runId = answer.kind === 'skipped' ? await findOpenRun(tx, input) : null;
  await addSkip(tx, { tenant, lifecycle, skip: { scheduledAt, cause, runId } });
  return { kind: 'skipped', cause };
}

async function describeCause(
  tx: Transaction,
  of: LifecycleName,
  { kind, why }: RetrainingAnswer,
): Promise<string> {
  if (kind !== 'held' && kind !== 'stopped') return why;
  const incident = await openIncident(tx, of, retrainingIncidents[kind]);
  return incident === null ? why : `${why} (perennial incident show ${incident})`;
}

async function findOpenRun(
  tx: Transaction,
  { tenant, lifecycle }: LifecycleName,
): Promise<RunId | null> {
  const [row] = await tx<Columns<typeof retrainings, 'runId'>[]>`
    select run_id from retrainings where tenant_id = ${tenant} and lifecycle = ${lifecycle}`;
  return row?.runId ?? null;
}
