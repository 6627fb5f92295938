import type { Tenant } from '../../domain/ids';

export type OutboxTopic = 'run.start' | 'alias.moved';

export interface OutboxEntry {
  readonly id: string;
  readonly tenant: Tenant;
  readonly topic: OutboxTopic;
  readonly payload: Readonly<Record<string, unknown>>;
  /** 1 on the first claim. */
  readonly attempts: number;
  readonly createdAt: string;
}

/** What a transaction promised to the outside. Delivered at least once: receivers know the entry's id or the business id. */
export interface OutboxRepository {
  /** Oldest due entries, each held by the caller until `leaseSeconds` are over; concurrent claimers get different ones. */
  claim(input: {
    readonly limit: number;
    readonly leaseSeconds: number;
    readonly topics?: readonly OutboxTopic[] | undefined;
  }): Promise<readonly OutboxEntry[]>;
  done(input: { readonly id: string }): Promise<void>;
  /** Back for a later attempt: after 1 s, doubling up to 5 minutes. */
  retry(input: { readonly id: string; readonly error: string }): Promise<void>;
}
