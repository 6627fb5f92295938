import type { Tenant } from '../../domain/ids';
import type { SecretRef } from '../../domain/access/secret-access';
import type {
  ChannelKind,
  DeliveryStatus,
  NotifyEvent,
  QuietHours,
} from '../../domain/notification/notification';
import { failure } from '../../domain/failure';
import type { Database, Sql } from '../connection';
import { toJson } from '../document';
import type { Page, PageRequest } from '../page';
import { afterKey, rowsToAsk, toPage } from '../page';
import type { DeliveryAttempt, webhookDeliveries } from './schema';
import { appendAudit } from '../audit/entry';
import { selectChannels } from '../notification/channels';

export interface WebhookDelivery {
  readonly tenant: Tenant;
  /**
   * Id of the event, `evt_…`. It is the same in every attempt, so that receivers can deduplicate.
   */
  readonly id: string;
  readonly target: number;
  readonly lifecycle: string;
  readonly event: NotifyEvent;
  readonly subject: string;
  readonly channel: ChannelKind;
  /** The URL of a webhook, `slack:` with the name of its secret, or `mailto:` with addresses. */
  readonly url: string;
  /** The signing key of a webhook, or the URL of a Slack webhook; null for mail. */
  readonly secret: SecretRef | null;
  readonly data: Readonly<Record<string, unknown>>;
  readonly status: DeliveryStatus;
  /** Claims since the delivery was created or redelivered, with the current one. */
  readonly tries: number;
  readonly attempts: readonly DeliveryAttempt[];
  readonly createdAt: string;
  /** When the next attempt is due. */
  readonly dueAt: string;
  readonly endedAt: string | null;
}

/** A delivery with what the applied revision says of its channel now. */
export interface ClaimedDelivery extends WebhookDelivery {
  readonly quietHours: QuietHours | null;
}

export type DeliveryOutcome =
  | { readonly kind: Exclude<DeliveryStatus, 'pending'> }
  | { readonly kind: 'pending'; readonly retryAfterSeconds: number };

/**
 * Delivery is at least once: a process that stops between the request and its record sends again.
 */
export interface WebhookRepository {
  /**
   * Claims the oldest due deliveries for `leaseSeconds`. Concurrent callers get different ones. URL
   * and secret are those of the applied revision. A delivery whose webhook it no longer has ends as
   * failed.
   */
  claim(input: {
    readonly limit: number;
    readonly leaseSeconds: number;
  }): Promise<readonly ClaimedDelivery[]>;
  /** Gives a claim back until this time, as if it had not been made. */
  defer(input: {
    readonly claimed: Pick<WebhookDelivery, 'tenant' | 'id' | 'target' | 'tries'>;
    readonly until: string;
  }): Promise<void>;
  /**
   * Records the outcome of a claim, unless there is a newer claim. `gone` also ends all other
   * pending deliveries to that webhook.
   */
  record(input: {
    readonly claimed: Pick<WebhookDelivery, 'tenant' | 'id' | 'target' | 'tries'>;
    readonly attempt: DeliveryAttempt;
    readonly outcome: DeliveryOutcome;
  }): Promise<void>;
  /** Newest first. */
  list(
    input: {
      readonly tenant: Tenant;
      readonly lifecycle: string;
      readonly status?: DeliveryStatus | undefined;
    } & PageRequest,
  ): Promise<Page<WebhookDelivery>>;
  /**
   * Makes a delivery due at once, with as many attempts as a new one, for one target or all. Adds
   * an audit row. Throws NotFound.
   */
  redeliver(input: {
    readonly tenant: Tenant;
    readonly id: string;
    readonly target: number | null;
    readonly actor: string;
  }): Promise<void>;
}

type DeliveryRow = typeof webhookDeliveries.$inferSelect;

export function createWebhookRepository({ sql }: Database): WebhookRepository {
  return {
    async claim({ limit, leaseSeconds }) {
      const refused = {
        at: new Date().toISOString(),
        status: null,
        error: 'not sent: the applied lifecycle no longer has this webhook',
        milliseconds: 0,
      };
      const rows = await sql<(DeliveryRow & Pick<ClaimedDelivery, 'quietHours'>)[]>`
        with due as materialized (
          select tenant_id, id, target, lifecycle, event, url from webhook_deliveries where status = 'pending' and due_at <= now()
          order by due_at limit ${limit} for update skip locked
        ), addressed as (
          select due.tenant_id, due.id, due.target, present.channel, present.url, present.secret, present.quiet_hours, present.url is null as is_over
          from due left join lateral (${currentWebhook(sql)}) present on true
        )
        update webhook_deliveries d set channel = coalesce(a.channel, d.channel), url = coalesce(a.url, d.url),
          secret = case when a.is_over then d.secret else a.secret end,
          due_at = now() + make_interval(secs => ${leaseSeconds}), tries = tries + 1,
          status = case when a.is_over then 'failed' else d.status end, ended_at = case when a.is_over then now() end,
          attempts = case when a.is_over then (d.attempts::jsonb || ${toJson([refused])}::jsonb)::json else d.attempts end
        from addressed a where d.tenant_id = a.tenant_id and d.id = a.id and d.target = a.target returning d.*, a.quiet_hours`;
      const claimed = rows.filter(({ status }) => status === 'pending');
      return claimed
        .map(({ quietHours, ...row }) => ({ ...toDelivery(row), quietHours }))
        .sort((a, b) => (a.id < b.id ? -1 : 1));
    },

    async defer({ claimed: { tenant, id, target, tries }, until }) {
      await sql`
        update webhook_deliveries set due_at = ${until}, tries = tries - 1
        where tenant_id = ${tenant} and id = ${id} and target = ${target} and status = 'pending' and tries = ${tries}`;
    },

    record: ({ claimed: { tenant, id, target, tries }, attempt, outcome }) =>
      sql.begin(async (tx) => {
        const seconds = outcome.kind === 'pending' ? outcome.retryAfterSeconds : 0;
        const [row] = await tx<DeliveryRow[]>`
          update webhook_deliveries set attempts = (attempts::jsonb || ${toJson([attempt])}::jsonb)::json, status = ${outcome.kind},
            due_at = now() + make_interval(secs => ${seconds}), ended_at = case when ${outcome.kind} = 'pending' then null else now() end
          where tenant_id = ${tenant} and id = ${id} and target = ${target} and status = 'pending' and tries = ${tries} returning *`;
        if (outcome.kind !== 'gone' || !row) return;
        const also = {
          at: attempt.at,
          status: null,
          error: `not sent: this webhook responded with 410 Gone to ${id}`,
          milliseconds: 0,
        };
        await tx`
          update webhook_deliveries set attempts = (attempts::jsonb || ${toJson([also])}::jsonb)::json, status = 'failed', ended_at = now()
          where tenant_id = ${tenant} and lifecycle = ${row.lifecycle} and url = ${row.url} and status = 'pending'`;
      }),

    async list({ tenant, lifecycle, status, ...page }) {
      const after = afterKey(page)?.split('/');
      // A forged token may hold anything; `| 0` makes an integer that the database accepts.
      const afterTarget = Number(after?.[1]) | 0;
      const rows = await sql<DeliveryRow[]>`
        select * from webhook_deliveries where tenant_id = ${tenant} and lifecycle = ${lifecycle}
          and ${status === undefined ? sql`true` : sql`status = ${status}`}
          and ${after === undefined ? sql`true` : sql`(id, target) < (${after[0] ?? ''}, ${afterTarget})`}
        order by id desc, target desc limit ${rowsToAsk(page)}`;
      return toPage(rows, page, (row) => `${row.id}/${row.target}`, toDelivery);
    },

    redeliver: ({ tenant, id, target, actor }) =>
      sql.begin(async (tx) => {
        const [first] = await tx<DeliveryRow[]>`
          update webhook_deliveries set status = 'pending', tries = 0, due_at = now(), ended_at = null
          where tenant_id = ${tenant} and id = ${id} and ${target === null ? sql`true` : sql`target = ${target}`} returning *`;
        const named = target === null ? id : `${id} to target ${target}`;
        if (!first)
          throw failure('NotFound', `there is no delivery ${named}`, {
            next: 'perennial webhook list <lifecycle>',
          });
        const subject = `lifecycle:${first.lifecycle}`;
        await appendAudit(tx, {
          tenant,
          actor,
          action: 'webhook.redeliver',
          subject,
          cause: first.event,
          after: { id, target },
        });
      }),
  };
}

/**
 * The current webhook of a `due` delivery: the one with the same URL, else the one in the same
 * place, whose URL was corrected. The latter must subscribe to the event and have no delivery of
 * it. A removed webhook receives nothing.
 */
function currentWebhook(sql: Sql) {
  return sql`
    select n.channel, n.address as url, n.secret, n.quiet_hours
    from lifecycles l
    join lifecycle_revisions r on r.tenant_id = l.tenant_id and r.lifecycle = l.name and r.revision = l.current_revision
    cross join lateral ${selectChannels(sql)} n
    where l.tenant_id = due.tenant_id and l.name = due.lifecycle and (
      n.address = due.url
      or n.target = due.target and due.event in (select json_array_elements_text(n.hook->'events')) and not exists (
        select from webhook_deliveries told where told.tenant_id = due.tenant_id and told.id = due.id and told.url = n.address
      )
    )
    order by n.address = due.url desc, n.target = due.target desc limit 1`;
}

function toDelivery({ tenantId, ...row }: DeliveryRow): WebhookDelivery {
  return { tenant: tenantId, ...row };
}
