import type { Tenant } from '../../domain/ids';
import { failure } from '../../domain/failure';
import type { Database } from '../connection';
import type { outbox, OutboxTopic } from './outbox-schema';

export interface OutboxEntry {
  readonly id: string;
  readonly tenant: Tenant;
  readonly topic: OutboxTopic;
  readonly payload: Readonly<Record<string, unknown>>;
  /** 1 on the first claim. */
  readonly attempts: number;
  readonly createdAt: string;
}

/**
 * Work outside the database that follows from a transaction. Delivery is at least once, so
 * receivers deduplicate by the entry's id or the business id.
 */
export interface OutboxRepository {
  /** Claims the oldest due entries for `leaseSeconds`. Concurrent callers get different ones. */
  claim(input: {
    readonly limit: number;
    readonly leaseSeconds: number;
    readonly topics?: readonly OutboxTopic[] | undefined;
  }): Promise<readonly OutboxEntry[]>;
  done(input: { readonly id: string }): Promise<void>;
  /** Schedules a later attempt: after 1 s, doubling up to 5 minutes. */
  retry(input: { readonly id: string; readonly error: string }): Promise<void>;
}

type OutboxRow = typeof outbox.$inferSelect;

export function createOutboxRepository({ sql }: Database): OutboxRepository {
  return {
    async claim({ limit, leaseSeconds, topics }) {
      const rows = await sql<OutboxRow[]>`
        with due as materialized (
          select id from outbox where due_at <= now() and ${topics === undefined ? sql`true` : sql`topic = any(${topics})`}
          order by due_at limit ${limit} for update skip locked
        )
        update outbox o set due_at = now() + make_interval(secs => ${leaseSeconds}), attempts = attempts + 1
        from due where o.id = due.id returning o.*`;
      return rows.map(toEntry).sort((a, b) => (a.id < b.id ? -1 : 1));
    },

    async done({ id }) {
      await sql`delete from outbox where id = ${id}`;
    },

    async retry({ id, error }) {
      const [row] = await sql`
        update outbox set due_at = now() + make_interval(secs => least(300, power(2, least(attempts, 20) - 1))), last_error = ${error.slice(0, 2000)}
        where id = ${id} returning id`;
      if (!row) throw failure('NotFound', `outbox entry ${id} was delivered already`);
    },
  };
}

function toEntry({
  id,
  tenantId: tenant,
  topic,
  payload,
  attempts,
  createdAt,
}: OutboxRow): OutboxEntry {
  return { id, tenant, topic, payload, attempts, createdAt };
}
