import type { RunId, Tenant } from '../../domain/ids';
import type { Database } from '../connection';
import { appendEvent } from './event';

export interface RunEvent {
  /**
   * 1, 2, 3 … within a run. Events become visible in this order, so a reader that continues after
   * `n` misses none.
   */
  readonly seq: number;
  readonly kind: string;
  readonly stage: string | null;
  readonly data: Readonly<Record<string, unknown>>;
  readonly at: string;
}

export interface EventRepository {
  append(input: {
    readonly tenant: Tenant;
    readonly runId: RunId;
    readonly kind: string;
    readonly stage?: string | undefined;
    readonly data: Readonly<Record<string, unknown>>;
  }): Promise<number>;
  /** Sorted by `seq`. */
  list(input: {
    readonly tenant: Tenant;
    readonly runId: RunId;
    readonly afterSeq: number;
    readonly limit: number;
  }): Promise<readonly RunEvent[]>;
  /**
   * Calls back with the run that has new events, or with null after a reconnect, when any run may
   * have some. Resolves once listening.
   */
  listen(callback: (runId: RunId | null) => void): Promise<() => Promise<void>>;
}

export function createEventRepository({ sql, listener }: Database): EventRepository {
  return {
    append: (event) => appendEvent(sql, event),

    async list({ tenant, runId, afterSeq, limit }) {
      return sql<RunEvent[]>`
        select seq, kind, stage, data, at from run_events where tenant_id = ${tenant} and run_id = ${runId} and seq > ${afterSeq}
        order by seq limit ${limit}`;
    },

    listen: (callback) =>
      listener.listen('perennial_events', (payload) => callback(payload as RunId | null)),
  };
}
