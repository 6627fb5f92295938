import type { RolloutId, Tenant } from '../../domain/ids';
import type { UnansweredReason } from '../../domain/serving/refusal';
import type { BlockedVersion } from '../../domain/serving/blocked-version';
import type { DiskFailure } from '../../domain/serving/disk-failure';
import { replaceLoneSurrogates, truncateText } from '../../domain/text';
import type { Columns } from '../columns';
import type { Database, Query } from '../connection';
import { toJson } from '../document';
import type { routingEpoch } from './gateway-schema';

export interface GatewayRecord {
  readonly id: string;
  readonly url: string;
  /** The routing epoch that it serves by. */
  readonly epoch: number;
  readonly startedAt: string;
  readonly beatAt: string;
  readonly leaseUntil: string;
}

/** Rows of requests that a version did not answer in one hour at one gateway. */
export interface FailedRequests {
  readonly tenant: Tenant;
  readonly model: string;
  readonly version: number;
  /** RFC 3339: the start of the hour. */
  readonly hour: string;
  readonly reason: UnansweredReason;
  /** Column of the signature; null if the reason is about none. */
  readonly column: string | null;
  /** All of the hour so far. */
  readonly failed: number;
}

/** Rows of requests of a rollout that no version answered, in one minute at one gateway. */
export interface FailedInRollout {
  readonly tenant: Tenant;
  readonly rollout: RolloutId;
  readonly step: number;
  /** Version to which the entity is assigned. */
  readonly version: number;
  /** RFC 3339: the start of the minute of event time. */
  readonly minute: string;
  /** RFC 3339: the start of the hour of wall-clock time. */
  readonly hour: string;
  /** All of this minute and hour so far. */
  readonly failed: number;
}

/** Gateways serve every tenant, so these rows belong to none. */
export interface GatewayRepository {
  /**
   * Renews the lease by the database's clock. Returns the current epoch, so that a beat is also a
   * poll. A beat that arrives after a newer one changes nothing, because it would revert what the
   * newer one confirmed.
   */
  beat(input: {
    readonly id: string;
    readonly url: string;
    readonly epoch: number;
    readonly blocked?: readonly BlockedVersion[];
    readonly diskFailure?: DiskFailure | null;
    /** Whether predictions wait on its disk, or in its memory because the disk is full. */
    readonly holdsPredictions?: boolean;
    /** Its clock, in milliseconds since 1970. */
    readonly clockMs?: number;
    readonly leaseSeconds: number;
    /** Number of this gateway's beat, from 1. */
    readonly beat: number;
  }): Promise<{ readonly epoch: number }>;
  /** Stores failed requests of an hour. Counts never fall, so a call may be repeated or be late. */
  reportFailures(input: {
    readonly id: string;
    readonly failures: readonly FailedRequests[];
    /** Those of them that belong to a rollout. One that does not exist is dropped. */
    readonly inRollouts?: readonly FailedInRollout[];
  }): Promise<void>;
  /**
   * Stores the requests that were in progress in a process that was killed, for the champions of
   * their models. A call may be repeated.
   */
  reportInterrupted(input: {
    /** Id of the process, the same in each call. */
    readonly id: string;
    /** RFC 3339: the last change of these numbers. */
    readonly at: string;
    readonly models: readonly {
      readonly tenant: string;
      readonly model: string;
      readonly requests: number;
    }[];
  }): Promise<void>;
  /** Gateways whose lease has not expired. */
  live(): Promise<readonly GatewayRecord[]>;
  /** Ends the lease; a late beat cannot renew it. */
  leave(input: { readonly id: string }): Promise<void>;
}

export function createGatewayRepository({ sql }: Database): GatewayRepository {
  return {
    async beat({
      id,
      url,
      epoch,
      blocked = [],
      diskFailure = null,
      holdsPredictions = false,
      clockMs,
      leaseSeconds,
      beat,
    }) {
      const versions = blocked.map(({ tenant, model, version, alias, error }) => ({
        tenant,
        model,
        version,
        alias,
        error: storableText(error),
      }));
      const unloadable = toJson(versions.length === 0 ? null : versions);
      const disk = toJson(
        diskFailure && { ...diskFailure, error: storableText(diskFailure.error) },
      );
      const [current] = await sql<Columns<typeof routingEpoch, 'epoch'>[]>`
        with taken as (
          insert into gateways as g (id, url, epoch, beat, lease_until, blocked, disk_failure, holds_predictions, clock_offset_seconds)
          values (${id}, ${url}, ${epoch}, ${beat}, now() + make_interval(secs => ${leaseSeconds}), ${unloadable}::json, ${disk}::json, ${holdsPredictions},
            coalesce(${clockMs ?? null}::float8 / 1000 - extract(epoch from clock_timestamp())::float8, 0))
          on conflict on constraint gateways_pk do update
            set url = excluded.url, epoch = excluded.epoch, beat = excluded.beat, beat_at = now(), lease_until = excluded.lease_until, blocked = excluded.blocked, disk_failure = excluded.disk_failure,
              holds_predictions = excluded.holds_predictions, clock_offset_seconds = excluded.clock_offset_seconds
            where g.beat < excluded.beat
        )
        select epoch from routing_epoch`;
      return { epoch: current?.epoch ?? 0 };
    },

    async reportFailures({ id, failures, inRollouts = [] }) {
      await storeFailedInRollouts(sql, id, inRollouts);
      if (failures.length === 0) return;
      const column = <K extends keyof FailedRequests>(key: K) => failures.map((each) => each[key]);
      await sql`
        insert into request_failures as f (tenant_id, model, version, hour, gateway_id, reason, column_name, failed)
        select tenant, model, version, hour, ${id}, reason, column_name, failed
        from unnest(${column('tenant')}::text[], ${column('model')}::text[], ${column('version')}::int[], ${column('hour')}::timestamptz[],
          ${column('reason')}::text[], ${failures.map((each) => each.column ?? '')}::text[], ${column('failed')}::bigint[])
          as r (tenant, model, version, hour, reason, column_name, failed)
        on conflict on constraint request_failures_pk do update
          set failed = greatest(f.failed, excluded.failed), counted_at = now()`;
    },

    async reportInterrupted({ id, at, models }) {
      // Callers choose the names, so most text is possible, and a name without a champion is dropped.
      const text = (key: 'tenant' | 'model') => models.map((each) => storableText(each[key]));
      await sql`
        insert into request_failures as f (tenant_id, model, version, hour, gateway_id, reason, failed)
        select a.tenant_id, a.model, a.version, date_trunc('hour', ${at}::timestamptz, 'UTC'), ${id}, ${interrupted}, r.requests
        from unnest(${text('tenant')}::text[], ${text('model')}::text[], ${models.map((each) => each.requests)}::bigint[])
          as r (tenant, model, requests)
        join model_aliases a on a.tenant_id = r.tenant and a.model = r.model and a.alias = 'champion'
        on conflict on constraint request_failures_pk do update
          set failed = greatest(f.failed, excluded.failed), counted_at = now()`;
    },

    async live() {
      return sql<
        GatewayRecord[]
      >`select * from gateways where lease_until > now() order by started_at, id`;
    },

    /**
     * The row stays to reject late beats. Rows of gateways that ended over a day ago are deleted.
     */
    async leave({ id }) {
      await sql`
        with gone as (delete from gateways where id <> ${id} and lease_until < now() - interval '1 day')
        insert into gateways (id, url, epoch, beat, lease_until) values (${id}, '', 0, ${lastBeat}, now())
        on conflict on constraint gateways_pk do update set beat = excluded.beat, lease_until = excluded.lease_until`;
    },
  };
}

async function storeFailedInRollouts(
  sql: Query,
  id: string,
  failures: readonly FailedInRollout[],
): Promise<void> {
  if (failures.length === 0) return;
  const column = <K extends keyof FailedInRollout>(key: K) => failures.map((each) => each[key]);
  await sql`
    insert into rollout_failures as f (tenant_id, rollout_id, step, version, minute, hour, gateway_id, failed)
    select r.tenant_id, r.id, n.step, n.version, n.minute, n.hour, ${id}, n.failed
    from unnest(${column('tenant')}::text[], ${column('rollout')}::text[], ${column('step')}::int[], ${column('version')}::int[],
      ${column('minute')}::timestamptz[], ${column('hour')}::timestamptz[], ${column('failed')}::bigint[])
      as n (tenant, rollout, step, version, minute, hour, failed)
    join rollouts r on r.tenant_id = n.tenant and r.id = n.rollout
    order by 1, 2, 3, 4, 5, 6
    on conflict on constraint rollout_failures_pk do update set failed = greatest(f.failed, excluded.failed)`;
}

/** A file can put a NUL or half a character into an error, and PostgreSQL reads no JSON with them. */
function storableText(text: string): string {
  return replaceLoneSurrogates(truncateText(text, 1_000)).replaceAll('\0', '\ufffd');
}

const interrupted = 'interrupted' satisfies UnansweredReason;
/** Heartbeat number of a gateway that has stopped. */
export const lastBeat = Number.MAX_SAFE_INTEGER;
