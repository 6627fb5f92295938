import type { Tenant } from '../../domain/ids';
import { findNotifyEvent, type NotifyEvent } from '../../domain/notification/notification';
import type { Query } from '../connection';
import { toJson } from '../document';
import { newId } from '../ids';
import { selectChannels } from './channels';

interface NotifyInput {
  readonly tenant: Tenant;
  /** Null for an event of the installation. */
  readonly lifecycle: string | null;
  /** Nothing is written for an event that channels cannot subscribe to. */
  readonly event: string;
  /** A run (`run_…`), a model or an incident. */
  readonly subject: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Only channels whose `escalateAfter` lies in this range of seconds. */
  readonly escalation?: EscalationRange;
}

/**
 * In the caller's transaction, adds one delivery for each channel of the lifecycle's current
 * revision that subscribes to the event. An event of the installation goes to the channels of all
 * lifecycles of the tenant that are not archived, once to each address.
 */
export async function notify(tx: Query, input: NotifyInput): Promise<void> {
  const event = findNotifyEvent(input.event);
  if (event === null) return;
  const { lifecycle } = input;
  if (lifecycle !== null) {
    await addDeliveries(tx, { ...input, event, lifecycle, targets: null });
    return;
  }
  const channels = await tx<{ lifecycle: string; targets: readonly number[] }[]>`
    select lifecycle, array_agg(target) as targets from (
      select distinct on (n.address) l.name as lifecycle, n.target::int as target
      from ${lifecyclesWithChannels(tx)}
      where l.tenant_id = ${input.tenant} and l.archived_at is null and ${takesEvent(tx, event, input.escalation)}
      order by n.address, l.name, n.target
    ) each_address group by lifecycle order by lifecycle`;
  for (const each of channels) await addDeliveries(tx, { ...input, event, ...each });
}

interface NewDeliveries extends Omit<NotifyInput, 'event'> {
  readonly event: NotifyEvent;
  readonly lifecycle: string;
  /** Places in the spec's `notify`; null for all. */
  readonly targets: readonly number[] | null;
}

async function addDeliveries(
  tx: Query,
  { tenant, lifecycle, event, subject, data, escalation, targets }: NewDeliveries,
): Promise<void> {
  const refused = [
    {
      at: new Date().toISOString(),
      status: null,
      error: 'not sent: this webhook responded with 410 Gone',
      milliseconds: 0,
    },
  ];
  // A delivery to a webhook that is gone is recorded as failed, so that it can be redelivered.
  await tx`
    insert into webhook_deliveries (tenant_id, id, target, lifecycle, event, subject, channel, url, secret, data, status, attempts, ended_at)
    select l.tenant_id, ${newId('evt')}, n.target, l.name, ${event}, ${subject}, n.channel, n.address, n.secret, ${toJson(data)},
      case when gone.hook then 'failed' else 'pending' end, case when gone.hook then ${toJson(refused)}::json else '[]' end,
      case when gone.hook then now() end
    from ${lifecyclesWithChannels(tx)}
    cross join lateral (
      select exists (
        select from webhook_deliveries d where d.tenant_id = l.tenant_id and d.lifecycle = l.name and d.status = 'gone'
          and d.url = n.address and d.ended_at >= l.updated_at
      ) as hook
    ) gone
    where l.tenant_id = ${tenant} and l.name = ${lifecycle} and ${takesEvent(tx, event, escalation)}
      and ${targets === null ? tx`true` : tx`n.target = any(${targets}::int[])`}`;
}

function lifecyclesWithChannels(tx: Query) {
  return tx`lifecycles l
    join lifecycle_revisions r on r.tenant_id = l.tenant_id and r.lifecycle = l.name and r.revision = l.current_revision
    cross join lateral ${selectChannels(tx)} n`;
}

function takesEvent(tx: Query, event: NotifyEvent, escalation: EscalationRange | undefined) {
  return tx`${event} in (select json_array_elements_text(n.hook->'events')) ${selectEscalation(tx, escalation)}`;
}

/** Range of `escalateAfter` of the channels: above the first, up to the second. */
interface EscalationRange {
  readonly afterSeconds: number;
  readonly untilSeconds: number;
}

function selectEscalation(tx: Query, range: EscalationRange | undefined) {
  if (range === undefined) return tx``;
  return tx`and (n.hook->>'escalateAfterSeconds')::int > ${range.afterSeconds}
    and (n.hook->>'escalateAfterSeconds')::int <= ${range.untilSeconds}`;
}
