import type { RunId, Tenant } from '../../domain/ids';
import { scheduledWorkflowId } from '../../domain/ids';
import type { ScheduleSpec } from '../../domain/lifecycle/lifecycle';
import type { RunStatus } from '../../domain/run/run';
import type { Columns } from '../columns';
import type { Database, Transaction } from '../connection';
import { afterKey, rowsToAsk, toPage, type Page, type PageRequest } from '../page';
import { isScheduleRequest } from '../run/starters';
import { notify } from '../notification/notification';
import type { lifecycles } from '../lifecycle/schema';
import type { runs } from '../run/schema';

export interface WatchedSchedule {
  readonly tenant: Tenant;
  readonly lifecycle: string;
  readonly schedule: ScheduleSpec;
  /** RFC 3339: times up to here are checked. */
  readonly checkedUntil: string;
}

/** A time of the schedule at which no run started. */
export interface ScheduleSkip {
  /** RFC 3339. */
  readonly scheduledAt: string;
  readonly cause: string;
  /** The run that was still open; null if none was. */
  readonly runId: RunId | null;
}

export interface RecordedScheduleSkip extends ScheduleSkip {
  readonly noticedAt: string;
}

export interface OpenScheduledRun {
  readonly id: RunId;
  readonly status: RunStatus;
  readonly createdAt: string;
  readonly waitingFor: string | null;
}

interface LifecycleKey {
  readonly tenant: Tenant;
  readonly lifecycle: string;
}

/** Records which scheduled times started a run and which did not. */
export interface ScheduleRepository {
  /** Every lifecycle whose current revision has a schedule. Checks of a new schedule begin now. */
  watched(): Promise<readonly WatchedSchedule[]>;
  /** Names of the lifecycles whose current revision has a schedule, sorted. */
  list(input: { readonly tenant: Tenant } & PageRequest): Promise<Page<string>>;
  /** Nominal times (RFC 3339) of the runs that the schedule has started since `since`. */
  started(input: LifecycleKey & { readonly since: string }): Promise<readonly string[]>;
  /** The scheduled run that was open at `at`; the newest of several. */
  openAt(input: LifecycleKey & { readonly at: string }): Promise<OpenScheduledRun | null>;
  /**
   * Stores the new skips, an event `schedule.skipped` for each, and the checked time in one
   * transaction. A repetition does nothing. Returns the new skips.
   */
  record(
    input: LifecycleKey & {
      readonly skips: readonly ScheduleSkip[];
      readonly checkedUntil: string;
    },
  ): Promise<readonly ScheduleSkip[]>;
  /** Stores one skip with its event, when it is known before the times are checked. */
  skip(input: LifecycleKey & { readonly skip: ScheduleSkip }): Promise<void>;
  /**
   * Whether a person requested the run of this time with `schedule trigger` or `schedule backfill`.
   * Temporal does not tell such runs apart, so this reads the audit log.
   */
  isRequested(input: LifecycleKey & { readonly scheduledAt: string }): Promise<boolean>;
  /** Newest first. */
  skips(input: LifecycleKey & { readonly limit: number }): Promise<readonly RecordedScheduleSkip[]>;
}

export function createScheduleRepository({ sql }: Database): ScheduleRepository {
  return {
    async watched() {
      await sql`
        update lifecycles l set schedule_checked_until = now() from lifecycle_revisions r
        where l.schedule_checked_until is null and l.archived_at is null and r.tenant_id = l.tenant_id and r.lifecycle = l.name and r.revision = l.current_revision
          and json_typeof(r.spec -> 'schedule') = 'object'`;
      return sql<WatchedSchedule[]>`
        select l.tenant_id as tenant, l.name as lifecycle, r.spec -> 'schedule' as schedule, l.schedule_checked_until as checked_until
        from lifecycles l
        join lifecycle_revisions r on r.tenant_id = l.tenant_id and r.lifecycle = l.name and r.revision = l.current_revision
        where json_typeof(r.spec -> 'schedule') = 'object' and l.schedule_checked_until is not null and l.archived_at is null
        order by l.tenant_id, l.name`;
    },

    async list({ tenant, ...page }) {
      const after = afterKey(page);
      const rows = await sql<Columns<typeof lifecycles, 'name'>[]>`
        select l.name from lifecycles l
        join lifecycle_revisions r on r.tenant_id = l.tenant_id and r.lifecycle = l.name and r.revision = l.current_revision
        where l.tenant_id = ${tenant} and l.archived_at is null and json_typeof(r.spec -> 'schedule') = 'object'
          and ${after === null ? sql`true` : sql`l.name > ${after}`}
        order by l.name limit ${rowsToAsk(page)}`;
      const name = (row: { readonly name: string }): string => row.name;
      return toPage(rows, page, name, name);
    },

    async started({ tenant, lifecycle, since }) {
      const prefix = `${scheduledWorkflowId({ tenant, lifecycle })}-`;
      const rows = await sql<Columns<typeof runs, 'workflowId'>[]>`
        select workflow_id from runs
        where tenant_id = ${tenant} and lifecycle = ${lifecycle} and starts_with(workflow_id, ${prefix}) and created_at >= ${since}::timestamptz`;
      return rows.map(({ workflowId }) => workflowId.slice(prefix.length));
    },

    async openAt({ tenant, lifecycle, at }) {
      const [row] = await sql<OpenScheduledRun[]>`
        select id, status, created_at, waiting_for from runs
        where tenant_id = ${tenant} and lifecycle = ${lifecycle} and starts_with(workflow_id, ${scheduledWorkflowId({ tenant, lifecycle })})
          and created_at <= ${at}::timestamptz and (ended_at is null or ended_at > ${at}::timestamptz)
        order by id desc limit 1`;
      return row ?? null;
    },

    record: ({ tenant, lifecycle, skips, checkedUntil }) =>
      sql.begin(async (tx) => {
        const fresh: ScheduleSkip[] = [];
        for (const skip of skips)
          if (await addSkip(tx, { tenant, lifecycle, skip })) fresh.push(skip);
        await tx`
          update lifecycles set schedule_checked_until = greatest(schedule_checked_until, ${checkedUntil}::timestamptz)
          where tenant_id = ${tenant} and name = ${lifecycle}`;
        return fresh;
      }),

    skip: (input) =>
      sql.begin(async (tx) => {
        await addSkip(tx, input);
      }),

    async isRequested({ tenant, lifecycle, scheduledAt }) {
      const [requested] = await sql`
        select from audit_log where ${isScheduleRequest(sql, { tenant, lifecycle, scheduledAt })} limit 1`;
      return requested !== undefined;
    },

    async skips({ tenant, lifecycle, limit }) {
      return sql<RecordedScheduleSkip[]>`
        select scheduled_at, cause, run_id, noticed_at from schedule_skips
        where tenant_id = ${tenant} and lifecycle = ${lifecycle} order by scheduled_at desc limit ${limit}`;
    },
  };
}

/** Stores a skip with its event. False if it is stored already. */
export async function addSkip(
  tx: Transaction,
  { tenant, lifecycle, skip }: LifecycleKey & { readonly skip: ScheduleSkip },
): Promise<boolean> {
  const { scheduledAt, cause, runId } = skip;
  const [added] = await tx`
    insert into schedule_skips (tenant_id, lifecycle, scheduled_at, cause, run_id)
    values (${tenant}, ${lifecycle}, ${scheduledAt}, ${cause}, ${runId}) on conflict do nothing returning lifecycle`;
  if (!added) return false;
  const data = { lifecycle, scheduledAt, cause, run: runId };
  await notify(tx, { tenant, lifecycle, event: 'schedule.skipped', subject: lifecycle, data });
  return true;
}
