/** Changes of incidents, each with its audit row and its deliveries in one transaction. */
import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type {
  Incident,
  IncidentKind,
  IncidentSeverity,
  IncidentStory,
} from '../../domain/incident/incident';
import {
  changeIncident,
  openIncident,
  type IncidentEvent,
  type IncidentNotice,
  type IncidentState,
} from '../../domain/incident/transition';
import { appendAudit } from '../audit/entry';
import type { Transaction } from '../connection';
import { toJson } from '../document';
import { newId } from '../ids';
import { notify } from '../notification/notification';
import type { incidents } from './schema';

export interface RaisedIncident {
  readonly tenant: Tenant;
  /** Null for an incident of the installation. */
  readonly model: string | null;
  readonly version: number | null;
  readonly kind: IncidentKind;
  /** At most one incident of a model with this key is not resolved. */
  readonly key: string;
  readonly severity: IncidentSeverity;
  readonly title: string;
  readonly story: IncidentStory;
  /** Who raised it, for the audit log; by default `monitor`. */
  readonly actor?: string;
}

export interface IncidentChange {
  readonly tenant: Tenant;
  readonly id: string;
  readonly actor: string;
  readonly reason: string;
}

export type IncidentRow = typeof incidents.$inferSelect;

/** The actor of incidents that no person raised. */
export const monitorActor = 'monitor';

/** In the caller's transaction. Concurrent raises of one key wait for each other. */
export async function raiseIncident(
  tx: Transaction,
  { tenant, model, version, kind, key, severity, title, story, actor }: RaisedIncident,
): Promise<{ readonly incident: Incident; readonly isNew: boolean }> {
  const event = { kind: 'raised', severity, title, story } as const;
  const by = actor ?? monitorActor;
  const opened = openIncident(event);
  const [made] = await tx<IncidentRow[]>`
    insert into incidents (tenant_id, id, model, version, kind, key, severity, status, title, story)
    values (${tenant}, ${newId('inc')}, ${model ?? ''}, ${version}, ${kind}, ${key}, ${opened.severity}, ${opened.status}, ${opened.title},
      ${toJson(opened.story)})
    on conflict (tenant_id, model, key) where status <> 'resolved' do nothing returning *`;
  if (made) {
    const incident = toIncident(made);
    await publish(tx, { tenant, incident, notice: 'incident.opened' });
    await appendAudit(tx, {
      tenant,
      actor: by,
      action: 'incident.raise',
      subject: `incident:${made.id}`,
      cause: title,
      after: { model, kind, key, severity },
    });
    return { incident, isNew: true };
  }
  const [row] = await tx<IncidentRow[]>`
    select * from incidents where tenant_id = ${tenant} and model = ${model ?? ''} and key = ${key} and status <> 'resolved' for update`;
  // The incident that was in the way was resolved meanwhile.
  if (!row) return raiseIncident(tx, { tenant, model, version, ...event, kind, key, actor: by });
  const incident = await changeRow(tx, row, { event, actor: by, cause: title, version });
  return { incident, isNew: false };
}

/** In the caller's transaction. Null if no incident of this key is open. */
export async function resolveIncident(
  tx: Transaction,
  {
    tenant,
    model,
    key,
    because,
    actor,
  }: {
    readonly tenant: Tenant;
    readonly model: string | null;
    readonly key: string;
    readonly because: string;
    readonly actor: string;
  },
): Promise<Incident | null> {
  const [row] = await tx<IncidentRow[]>`
    select * from incidents where tenant_id = ${tenant} and model = ${model ?? ''} and key = ${key} and status <> 'resolved' for update`;
  return row ? changeRow(tx, row, { event: { kind: 'resolved' }, actor, cause: because }) : null;
}

export async function lockIncident(
  tx: Transaction,
  { tenant, id }: Pick<IncidentChange, 'tenant' | 'id'>,
): Promise<IncidentRow> {
  const [row] = await tx<
    IncidentRow[]
  >`select * from incidents where tenant_id = ${tenant} and id = ${id} for update`;
  if (!row)
    throw failure('NotFound', `there is no incident ${id}`, { next: 'perennial incident list' });
  return row;
}

/** Applies the event to a locked row. An update writes an audit row only if it is published. */
export async function changeRow(
  tx: Transaction,
  row: IncidentRow,
  {
    event,
    actor,
    cause,
    version = row.version,
  }: {
    readonly event: IncidentEvent;
    readonly actor: string;
    readonly cause: string;
    readonly version?: number | null;
  },
): Promise<Incident> {
  const { tenantId: tenant, id } = row;
  const outcome = changeIncident(row, event);
  if (outcome.kind === 'unchanged') return toIncident(row);
  if (outcome.kind === 'refused')
    throw failure('Conflict', `incident ${id} cannot be ${event.kind}: ${outcome.why}`, {
      next: `perennial incident show ${id}`,
    });
  const { state, notice } = outcome;
  const changed = toIncident(await store(tx, row, { state, event, actor, cause, version }));
  if (notice !== null) await publish(tx, { tenant, incident: changed, notice });
  if (notice === null && event.kind === 'raised') return changed;
  await appendAudit(tx, {
    tenant,
    actor,
    action: `incident.${actions[event.kind]}`,
    subject: `incident:${id}`,
    cause,
    before: { status: row.status, severity: row.severity },
    after: { status: state.status, severity: state.severity },
  });
  return changed;
}

const actions = {
  raised: 'update',
  acknowledged: 'acknowledge',
  resolved: 'resolve',
} as const satisfies Record<IncidentEvent['kind'], string>;

async function store(
  tx: Transaction,
  { tenantId: tenant, id, status: before }: IncidentRow,
  {
    state: { status, severity, title, story },
    event,
    actor,
    cause,
    version,
  }: {
    readonly state: IncidentState;
    readonly event: IncidentEvent;
    readonly actor: string;
    readonly cause: string;
    readonly version: number | null;
  },
): Promise<IncidentRow> {
  const isAcknowledged = event.kind === 'acknowledged';
  const isResolved = event.kind === 'resolved';
  // An incident that opens again waits for another acknowledgement, and may be escalated again.
  const reopens = before === 'acknowledged' && status === 'open';
  const [stored] = await tx<IncidentRow[]>`
    update incidents set status = ${status}, severity = ${severity}, title = ${title}, story = ${toJson(story)}, version = ${version},
      updates = updates + ${event.kind === 'raised' ? 1 : 0}, updated_at = now(),
      acknowledged_by = case when ${isAcknowledged} then ${actor} when ${reopens} then null else acknowledged_by end,
      acknowledged_at = case when ${isAcknowledged} then now() when ${reopens} then null else acknowledged_at end,
      resolved_by = case when ${isResolved} then ${actor} end, resolved_at = case when ${isResolved} then now() end,
      because = case when ${isResolved} then ${cause} end,
      escalated_seconds = case when ${reopens} then 0 else escalated_seconds end
    where tenant_id = ${tenant} and id = ${id} returning *`;
  if (!stored) throw new Error('the database did not return the updated incident');
  return stored;
}

async function publish(
  tx: Transaction,
  {
    tenant,
    incident,
    notice,
  }: { readonly tenant: Tenant; readonly incident: Incident; readonly notice: IncidentNotice },
): Promise<void> {
  const { id, model: lifecycle } = incident;
  await notify(tx, { tenant, lifecycle, event: notice, subject: id, data: { incident } });
}

export function toIncident({ tenantId: _, model, ...row }: IncidentRow): Incident {
  return { ...row, model: model === '' ? null : model };
}
