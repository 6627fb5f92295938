import { failure } from '../../domain/failure';
import type { RunId, Tenant } from '../../domain/ids';
import type { Query, Transaction } from '../connection';
import type { RolloutName, RolloutRecord } from './records';
import type { rollouts } from './schema';

export type RolloutRow = typeof rollouts.$inferSelect;

/**
 * The row lock orders all changes of a rollout. Take it after the model's and before the run's, or
 * transactions deadlock. A stronger lock would block storing predictions, which refer to the row.
 */
export async function lockRollout(
  tx: Transaction,
  { tenant, id }: RolloutName,
): Promise<RolloutRow> {
  const [row] = await tx<
    RolloutRow[]
  >`select * from rollouts where tenant_id = ${tenant} and id = ${id} for no key update`;
  if (!row) throw failure('NotFound', `there is no rollout ${id}`);
  return row;
}

/** The model's open rollout, locked. */
export async function lockOpenRollout(
  tx: Transaction,
  { tenant, model }: { readonly tenant: Tenant; readonly model: string },
): Promise<RolloutRow | null> {
  const [row] = await tx<RolloutRow[]>`
    select * from rollouts where tenant_id = ${tenant} and model = ${model} and ended_at is null for no key update`;
  return row ?? null;
}

export async function findOpenRollout(
  sql: Query,
  { tenant, model }: { readonly tenant: Tenant; readonly model: string },
): Promise<RolloutRow | null> {
  const [row] = await sql<
    RolloutRow[]
  >`select * from rollouts where tenant_id = ${tenant} and model = ${model} and ended_at is null`;
  return row ?? null;
}

export async function rolloutOfRun(
  sql: Query,
  { tenant, runId }: { readonly tenant: Tenant; readonly runId: RunId },
): Promise<RolloutRow | null> {
  const [row] = await sql<
    RolloutRow[]
  >`select * from rollouts where tenant_id = ${tenant} and run_id = ${runId}`;
  return row ?? null;
}

export function toRecord({
  tenantId: tenant,
  slowMs: _1,
  slowFirstTokenMs: _2,
  mostTokens: _3,
  trafficSpanSeconds: _4,
  ...row
}: RolloutRow): RolloutRecord {
  return { tenant, ...row };
}
