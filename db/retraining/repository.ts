import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import {
  noRetraining,
  type RetrainingAnswer,
  type RetrainingCause,
  type RetrainingState,
} from '../../domain/retraining/retraining';
import type { RunOutlook } from '../../domain/retraining/outlook';
import type { TriggersSpec } from '../../domain/lifecycle/sections/triggers';
import type { EventReceipt, IncomingEvent } from '../../domain/retraining/incoming-event';
import type { Database, Query } from '../connection';
import { toJson } from '../document';
import type { LifecycleName } from './records';
import { applyRequest, otherOpenRun, requestRetraining } from './request';
import { openScheduledRun, type ScheduledRun, type ScheduledRunInput } from './scheduled-run';
import type { receivedEvents, retrainings } from './schema';

export interface RetrainingRepository {
  /**
   * Asks for an automatic run of the lifecycle. Concurrent requests wait for each other, so that
   * they start one run. The run starts from the outbox.
   * @throws NotFound if there is no such lifecycle, Conflict if it is archived, or TenantLimit
   */
  request(input: LifecycleName & { readonly cause: RetrainingCause }): Promise<RetrainingAnswer>;
  /**
   * Opens the run of a scheduled time, unless automatic runs are stopped, held by an alarm or, if
   * `allowsOpenRun` is false, one is open. Then the time is recorded as skipped. Idempotent.
   * @throws Conflict if the lifecycle is archived, or TenantLimit
   */
  openScheduled(input: ScheduledRunInput): Promise<ScheduledRun>;
  get(input: LifecycleName): Promise<RetrainingState>;
  /** What a request would meet. `refused` is null, because nothing was requested. */
  outlook(input: LifecycleName): Promise<RunOutlook>;
  /**
   * Ends a hold that an alarm of the monitor showed, unless requests are broken, and drops a queued
   * run for an alarm, unless one calls for it. Does nothing if there is neither.
   */
  observe(
    input: LifecycleName & { readonly callsForRun: boolean; readonly isBroken: boolean },
  ): Promise<void>;
  /** Lifecycles whose automatic or scheduled run has ended, or whose queued run may start. */
  due(input: { readonly limit: number }): Promise<readonly LifecycleName[]>;
  /** Records the end of that run and starts the queued one if its time has come. */
  tick(input: LifecycleName): Promise<void>;
  /** Lifecycles whose revision in force subscribes to this type of event. */
  subscribers(input: {
    readonly tenant: Tenant;
    readonly type: string;
  }): Promise<readonly EventSubscriber[]>;
  /**
   * Stores an event and asks for a run of each of these lifecycles, in one transaction. A
   * repetition changes nothing and returns the first receipts.
   */
  receive(input: {
    readonly tenant: Tenant;
    readonly event: IncomingEvent;
    /** Subscribers that may be triggered. */
    readonly lifecycles: readonly string[];
    /** What the others get. */
    readonly refused: readonly EventReceipt[];
  }): Promise<{ readonly receipts: readonly EventReceipt[]; readonly isNew: boolean }>;
}

export interface EventSubscriber {
  readonly lifecycle: string;
  readonly secrets: TriggersSpec['secrets'];
}

type RetrainingRow = typeof retrainings.$inferSelect;
type ReceivedRow = typeof receivedEvents.$inferSelect;

export function createRetrainingRepository({ sql }: Database): RetrainingRepository {
  return {
    request: (input) => sql.begin((tx) => requestRetraining(tx, input)),

    openScheduled: (input) => sql.begin((tx) => openScheduledRun(tx, input)),

    get: (of) => readState(sql, of),

    async outlook(of) {
      const state = await readState(sql, of);
      const otherRun = await otherOpenRun(sql, { ...of, run: state.run });
      return { state, otherRun, refused: null, now: new Date().toISOString() };
    },

    async observe({ tenant, lifecycle, callsForRun, isBroken }) {
      const [waiting] = await sql`
        select from retrainings where tenant_id = ${tenant} and lifecycle = ${lifecycle}
          and ((state->'hold'->>'shownBy' = 'alarm' or state->'hold'->>'alarm' is not null) and not ${isBroken}
            or state->'queued'->>'kind' in ('drift', 'quality') and not ${callsForRun})`;
      if (waiting === undefined) return;
      await sql.begin(async (tx) => {
        await applyRequest(tx, { tenant, lifecycle }, { kind: 'observed', callsForRun, isBroken });
      });
    },

    async due({ limit }) {
      return sql<LifecycleName[]>`
        select p.tenant_id as tenant, p.lifecycle from retrainings p
        join lifecycles l on l.tenant_id = p.tenant_id and l.name = p.lifecycle and l.archived_at is null
        left join runs r on r.tenant_id = p.tenant_id and r.id = p.run_id
        where p.due_at <= now() or r.ended_at is not null
        order by p.due_at nulls first limit ${limit}`;
    },

    tick: (of) =>
      sql.begin(async (tx) => {
        await applyRequest(tx, of, { kind: 'tick' });
      }),

    async subscribers({ tenant, type }) {
      return sql<EventSubscriber[]>`
        select l.name as lifecycle, r.spec->'triggers'->'secrets' as secrets
        from lifecycles l
        join lifecycle_revisions r on r.tenant_id = l.tenant_id and r.lifecycle = l.name and r.revision = l.current_revision
        where l.tenant_id = ${tenant} and l.archived_at is null and json_typeof(r.spec->'triggers') = 'object'
          and ${type} in (select json_array_elements_text(r.spec->'triggers'->'events'))
        order by l.name`;
    },

    receive: ({ tenant, event, lifecycles, refused }) =>
      sql.begin(async (tx) => {
        const { source, id, type, subject } = event;
        const [added] = await tx`
          insert into received_events (tenant_id, source, id, type, subject, receipts)
          values (${tenant}, ${source}, ${id}, ${type}, ${subject}, '[]') on conflict do nothing returning id`;
        if (!added) {
          const [row] = await tx<ReceivedRow[]>`
            select * from received_events where tenant_id = ${tenant} and source = ${source} and id = ${id}`;
          if (!row) throw failure('Conflict', `event ${id} of ${source} was deleted meanwhile`);
          return { receipts: row.receipts, isNew: false };
        }
        const receipts: EventReceipt[] = [...refused];
        // In one order, so that two events do not wait for each other.
        for (const lifecycle of [...lifecycles].sort()) {
          const reason = `event ${type} ${id} of ${source}`;
          const cause: RetrainingCause = { kind: 'event', reason, brokenData: null };
          const { kind: outcome, why } = await requestRetraining(tx, { tenant, lifecycle, cause });
          receipts.push({ lifecycle, outcome, why });
        }
        await tx`
          update received_events set receipts = ${toJson(receipts)}
          where tenant_id = ${tenant} and source = ${source} and id = ${id}`;
        return { receipts, isNew: true };
      }),
  };
}

async function readState(
  sql: Query,
  { tenant, lifecycle }: LifecycleName,
): Promise<RetrainingState> {
  const [row] = await sql<
    RetrainingRow[]
  >`select * from retrainings where tenant_id = ${tenant} and lifecycle = ${lifecycle}`;
  return row?.state ?? noRetraining;
}
