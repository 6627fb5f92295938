import type { Tenant } from '../../domain/ids';
import { notifyEventOf } from '../../domain/notification/notification';
import type { Query } from '../connection';
import { toJson } from '../document';
import { newId } from '../ids';
import { channelsOf } from './channels';

/**
 * In the caller's transaction, adds one delivery for each channel of the lifecycle's current
 * revision that subscribes to the event.
 */
export async function notify(
  tx: Query,
  input: {
    readonly tenant: Tenant;
    readonly lifecycle: string;
    /** Nothing is written for an event that channels cannot subscribe to. */
    readonly event: string;
    /** A run (`run_…`) or a model. */
    readonly subject: string;
    readonly data: Readonly<Record<string, unknown>>;
    /** Only channels whose `escalateAfter` lies in this range of seconds. */
    readonly escalation?: EscalationRange;
  },
): Promise<void> {
  const { tenant, lifecycle, subject, data } = input;
  const event = notifyEventOf(input.event);
  if (event === null) return;
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
    from lifecycles l
    join lifecycle_revisions r on r.tenant_id = l.tenant_id and r.lifecycle = l.name and r.revision = l.current_revision
    cross join lateral ${channelsOf(tx)} n
    cross join lateral (
      select exists (
        select from webhook_deliveries d where d.tenant_id = l.tenant_id and d.lifecycle = l.name and d.status = 'gone'
          and d.url = n.address and d.ended_at >= l.updated_at
      ) as hook
    ) gone
    where l.tenant_id = ${tenant} and l.name = ${lifecycle}
      and ${event} in (select json_array_elements_text(n.hook->'events'))
      ${escalationOf(tx, input.escalation)}`;
}

/** After the first and up to the second time, in seconds. */
interface EscalationRange {
  readonly afterSeconds: number;
  readonly untilSeconds: number;
}

function escalationOf(tx: Query, range: EscalationRange | undefined) {
  if (range === undefined) return tx``;
  return tx`and (n.hook->>'escalateAfterSeconds')::int > ${range.afterSeconds}
    and (n.hook->>'escalateAfterSeconds')::int <= ${range.untilSeconds}`;
}
