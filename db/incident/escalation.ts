/** Incidents without an acknowledgement, and approvals that are still missing. */
import type { RunId, Tenant } from '../../domain/ids';
import { approvalIncidentKey } from '../../domain/incident/incident';
import { isFinal, type RunStatus } from '../../domain/run/run';
import { appendAudit } from '../audit/entry';
import type { Database } from '../connection';
import { selectChannels } from '../notification/channels';
import { notify } from '../notification/notification';
import { raiseIncident, resolveIncident, toIncident, type IncidentRow } from './change';

const actor = 'escalation';

/**
 * Sends `incident.escalated` to each channel whose `escalateAfter` has passed since an incident was
 * opened that is still open. Each channel gets it once. Returns how many incidents it escalated.
 */
export async function escalateIncidents(
  { sql }: Database,
  { limit }: { readonly limit: number },
): Promise<number> {
  return sql.begin(async (tx) => {
    const due = await tx<(IncidentRow & { readonly age: number })[]>`
      select i.*, floor(extract(epoch from now() - i.opened_at))::int as age
      from incidents i
      where i.status = 'open' and exists (
        select from lifecycles l
        join lifecycle_revisions r on r.tenant_id = l.tenant_id and r.lifecycle = l.name and r.revision = l.current_revision
        cross join lateral ${selectChannels(tx)} n
        where l.tenant_id = i.tenant_id and (l.name = i.model or i.model = '' and l.archived_at is null) and (n.hook->>'escalateAfterSeconds')::int > i.escalated_seconds
          and i.opened_at + make_interval(secs => (n.hook->>'escalateAfterSeconds')::int) <= now()
      )
      order by i.opened_at limit ${limit} for update of i skip locked`;
    for (const { age, ...row } of due) {
      const { tenantId: tenant, id, escalatedSeconds } = row;
      const incident = { ...toIncident(row), escalatedSeconds: age };
      await tx`
        update incidents set escalated_seconds = ${age} where tenant_id = ${tenant} and id = ${id}`;
      await notify(tx, {
        tenant,
        lifecycle: incident.model,
        event: 'incident.escalated',
        subject: id,
        data: { incident },
        escalation: { afterSeconds: escalatedSeconds, untilSeconds: age },
      });
      await appendAudit(tx, {
        tenant,
        actor,
        action: 'incident.escalate',
        subject: `incident:${id}`,
        cause: `not acknowledged within ${age} s`,
      });
    }
    return due.length;
  });
}

interface WaitingRun {
  readonly tenant: Tenant;
  readonly id: RunId;
  readonly lifecycle: string;
  readonly version: number | null;
  readonly waitingFor: string | null;
  readonly since: string;
}

/**
 * Opens an incident for each run that waits for an approval longer than the shortest
 * `escalateAfter` of its channels. The incident counts from the start of the wait. It is resolved
 * when the run goes on.
 */
export async function followApprovals(
  { sql }: Database,
  { limit }: { readonly limit: number },
): Promise<void> {
  const waiting = await sql<WaitingRun[]>`
    select u.tenant_id as tenant, u.id, u.lifecycle, u.version, u.waiting_for, u.touched_at as since
    from runs u
    where u.status = 'waiting' and u.awaits_approval
      and not exists (
        select from incidents i where i.tenant_id = u.tenant_id and i.model = u.lifecycle and i.key = 'approval-' || u.id and i.opened_at >= u.touched_at
      )
      and u.touched_at + make_interval(secs => (
        select min((n.hook->>'escalateAfterSeconds')::int) from lifecycles l
        join lifecycle_revisions r on r.tenant_id = l.tenant_id and r.lifecycle = l.name and r.revision = l.current_revision
        cross join lateral ${selectChannels(sql)} n
        where l.tenant_id = u.tenant_id and l.name = u.lifecycle
      )) <= now()
    order by u.touched_at limit ${limit}`;
  for (const run of waiting) {
    await sql.begin(async (tx) => {
      const { incident } = await raiseIncident(tx, approvalIncident(run));
      // In SQL, because `since` has no microseconds, and the query above compares with them.
      await tx`
        update incidents i set opened_at = u.touched_at from runs u
        where i.tenant_id = ${run.tenant} and i.id = ${incident.id} and u.tenant_id = i.tenant_id and u.id = ${run.id}`;
    });
  }
  const over = await sql<{ tenant: Tenant; model: string; key: string; status: RunStatus }[]>`
    select i.tenant_id as tenant, i.model, i.key, u.status from incidents i
    join runs u on u.tenant_id = i.tenant_id and i.key = 'approval-' || u.id
    where i.kind = 'approval' and i.status <> 'resolved' and (u.status <> 'waiting' or not u.awaits_approval)
    limit ${limit}`;
  for (const { status, ...of } of over) {
    const because = isFinal(status) ? `the run ended: ${status}` : 'the run goes on';
    await sql.begin((tx) => resolveIncident(tx, { ...of, because, actor }));
  }
}

function approvalIncident(run: WaitingRun) {
  const { tenant, id, lifecycle: model, version, waitingFor, since } = run;
  return {
    tenant,
    model,
    version,
    kind: 'approval',
    key: approvalIncidentKey(id),
    severity: 'warning',
    title: `${id} waits for an approval`,
    story: {
      what: `${id} waits for an approval.`,
      since: new Date(since).toISOString(),
      howLarge: null,
      features: [],
      slice: null,
      dataVersion: null,
      engineDid: 'The run waits. The champion continues to serve.',
      waitsFor: waitingFor,
    },
    actor,
  } as const;
}
