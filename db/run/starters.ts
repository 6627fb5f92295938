/** Who started a run, so that none of them approves it alone. */
import type { RunId, Tenant } from '../../domain/ids';
import { scheduledWorkflowId } from '../../domain/ids';
import type { Query } from '../connection';

/**
 * The holders of the keys that started the run: the key that requested it, or the key that applied
 * the revision of a scheduled run. Whoever ran `schedule trigger` or `schedule backfill` for its
 * time is a starter, too. A child run has the starters of its parents.
 */
export async function readStarters(
  sql: Query,
  { tenant, runId }: { readonly tenant: Tenant; readonly runId: RunId },
): Promise<readonly string[]> {
  const runs = await sql<
    {
      readonly lifecycle: string;
      readonly workflowId: string;
      readonly starterKeyId: string | null;
    }[]
  >`
    with recursive up as (
      select tenant_id, lifecycle, workflow_id, starter_key_id, parent_run_id from runs where tenant_id = ${tenant} and id = ${runId}
      union all
      select r.tenant_id, r.lifecycle, r.workflow_id, r.starter_key_id, r.parent_run_id
      from runs r join up on r.tenant_id = up.tenant_id and r.id = up.parent_run_id
    )
    select lifecycle, workflow_id, starter_key_id from up`;
  const holders = new Set<string>();
  for (const { lifecycle, workflowId, starterKeyId } of runs) {
    const scheduledAt = scheduledTime({ tenant, lifecycle, workflowId });
    const rows = await sql<{ readonly holderId: string }[]>`
      select distinct holder_id from api_keys where tenant_id = ${tenant} and (
        id = ${starterKeyId}
        ${scheduledAt === null ? sql`` : sql`or id in (select key_id from audit_log where ${isScheduleRequest(sql, { tenant, lifecycle, scheduledAt })})`})`;
    for (const { holderId } of rows) holders.add(holderId);
  }
  return [...holders];
}

/** The rows of the audit log in which a person requested the run of this time. */
export function isScheduleRequest(
  sql: Query,
  {
    tenant,
    lifecycle,
    scheduledAt,
  }: { readonly tenant: Tenant; readonly lifecycle: string; readonly scheduledAt: string },
) {
  // Temporal cuts the time of a trigger to seconds, and its clock may differ. A backfill is of
  // past times, so it does not free the schedule of its brakes afterwards.
  return sql`
    tenant_id = ${tenant} and subject = ${`lifecycle:${lifecycle}`}
      and (action = 'schedule.trigger' and at between ${scheduledAt}::timestamptz - interval '1 minute' and ${scheduledAt}::timestamptz + interval '1 minute'
        or action = 'schedule.backfill' and ${scheduledAt}::timestamptz between (after->>'from')::timestamptz and (after->>'to')::timestamptz and ${scheduledAt}::timestamptz <= at)`;
}

/** The nominal time at the end of a scheduled workflow's id; null for other runs. */
function scheduledTime({
  workflowId,
  ...of
}: {
  readonly tenant: Tenant;
  readonly lifecycle: string;
  readonly workflowId: string;
}): string | null {
  const prefix = `${scheduledWorkflowId(of)}-`;
  if (!workflowId.startsWith(prefix)) return null;
  const time = Date.parse(workflowId.slice(prefix.length));
  return Number.isNaN(time) ? null : new Date(time).toISOString();
}
