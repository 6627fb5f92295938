import type { RunId, Tenant } from '../../domain/ids';
import { failure } from '../../domain/failure';
import type { Columns } from '../columns';
import type { Query } from '../connection';
import { toJson } from '../document';
import type { runEvents } from './event-schema';

export interface NewRunEvent {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly kind: string;
  readonly stage?: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * The lock on the run's row numbers events and lasts until the commit, so that they become visible
 * in order.
 */
export async function appendEvent(
  tx: Query,
  { tenant, runId, kind, stage, data }: NewRunEvent,
): Promise<number> {
  const [event] = await tx<Columns<typeof runEvents, 'seq'>[]>`
    with numbered as (
      update runs set event_seq = event_seq + 1, touched_at = now() where tenant_id = ${tenant} and id = ${runId}
      returning tenant_id, id, event_seq
    ), event as (
      insert into run_events (tenant_id, run_id, seq, kind, stage, data)
      select tenant_id, id, event_seq, ${kind}, ${stage ?? null}, ${toJson(data)} from numbered returning seq, run_id
    )
    select seq, pg_notify('perennial_events', run_id) from event`;
  if (!event) throw failure('NotFound', `there is no run ${runId}`);
  return event.seq;
}
