import type { ComputeOffer } from '../../domain/training/compute-offer';
import type { Columns } from '../columns';
import type { Database } from '../connection';
import { toJson } from '../document';
import type { computeOffers } from './compute-offer-schema';

/** What the compute backends of the workers have, as the workers report it. */
export interface ComputeOfferRepository {
  /** Replaces what this worker reported. It counts until the lease ends, by the database's clock. */
  report(input: {
    readonly worker: string;
    readonly offers: readonly ComputeOffer[];
    readonly leaseSeconds: number;
  }): Promise<void>;
  /** Offers of workers whose lease has not ended; empty if no worker has reported. */
  live(): Promise<readonly ComputeOffer[]>;
  /** Removes the report of a worker that stops. */
  leave(input: { readonly worker: string }): Promise<void>;
}

export function createComputeOfferRepository({ sql }: Database): ComputeOfferRepository {
  return {
    async report({ worker, offers, leaseSeconds }) {
      await sql`
        with gone as (delete from compute_offers where worker <> ${worker} and lease_until < now() - interval '1 day')
        insert into compute_offers (worker, offers, lease_until)
        values (${worker}, ${toJson(offers)}::json, now() + make_interval(secs => ${leaseSeconds}))
        on conflict on constraint compute_offers_pk do update
          set offers = excluded.offers, lease_until = excluded.lease_until`;
    },

    async live() {
      const rows = await sql<Columns<typeof computeOffers, 'offers'>[]>`
        select offers from compute_offers where lease_until > now() order by worker`;
      return rows.flatMap(({ offers }) => offers);
    },

    async leave({ worker }) {
      await sql`delete from compute_offers where worker = ${worker}`;
    },
  };
}
