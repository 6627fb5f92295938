import type { Database } from '../connection';

export interface GatewayRecord {
  readonly id: string;
  readonly url: string;
  /** The routing epoch that it serves by. */
  readonly epoch: number;
  readonly startedAt: string;
  readonly beatAt: string;
  readonly leaseUntil: string;
}

/** Gateways serve every tenant, so these rows belong to none. */
export interface GatewayRepository {
  /** Renews the lease, by the database's clock. Answers with the current epoch, so that a beat is also a poll. */
  beat(input: {
    readonly id: string;
    readonly url: string;
    readonly epoch: number;
    readonly leaseSeconds: number;
    /** Which of this gateway's beats it is, from 1 on. */
    readonly beat: number;
  }): Promise<{ readonly epoch: number }>;
  /** Those whose lease has not run out. */
  live(): Promise<readonly GatewayRecord[]>;
  leave(input: { readonly id: string }): Promise<void>;
}

export function createGatewayRepository({ sql }: Database): GatewayRepository {
  return {
    async beat({ id, url, epoch, leaseSeconds }) {
      const [current] = await sql<{ epoch: number }[]>`
        with beat as (
          insert into gateways (id, url, epoch, lease_until) values (${id}, ${url}, ${epoch}, now() + make_interval(secs => ${leaseSeconds}))
          on conflict on constraint gateways_pk do update
            set url = excluded.url, epoch = excluded.epoch, beat_at = now(), lease_until = excluded.lease_until
        )
        select epoch from routing_epoch`;
      return { epoch: current?.epoch ?? 0 };
    },

    async live() {
      return sql<GatewayRecord[]>`select * from gateways where lease_until > now() order by started_at, id`;
    },

    /** Those of gateways that died without a word go with it. */
    async leave({ id }) {
      await sql`delete from gateways where id = ${id} or lease_until < now() - interval '1 day'`;
    },
  };
}
