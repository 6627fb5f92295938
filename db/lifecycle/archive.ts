import { failure } from '../../domain/failure';
import type { RunId } from '../../domain/ids';
import type { Transaction } from '../connection';
import { appendAudit } from '../audit/entry';
import { enqueueOutbox } from '../notification/outbox-entry';
import { lifecycleNotFound, type LifecycleRow } from './revisions';
import type { ArchiveRequest, LifecycleArchive } from './records';

type ArchivedName = Pick<ArchiveRequest, 'tenant' | 'name'>;

/** The champions of models, from the room of the aliases, which lies above this one. */
export interface Champions {
  /** Locks the aliases of the lifecycle's model. Null without a champion. */
  readonly lock: (tx: Transaction, lifecycle: ArchivedName) => Promise<number | null>;
  /** Ends serving; the model then has no champion. */
  readonly withdraw: (tx: Transaction, request: ArchiveRequest) => Promise<void>;
}

/**
 * Prevents new runs and removes the schedule. A repetition changes nothing and keeps the first
 * reason.
 */
export async function archiveLifecycle(
  tx: Transaction,
  champions: Champions,
  request: ArchiveRequest,
): Promise<LifecycleArchive> {
  const { tenant, name, actor, reason } = request;
  const row = await lockLifecycle(tx, request);
  if (row.deletedAt !== null) throw lifecycleNotFound(name);
  if (row.archivedAt === null) {
    await tx`
      update lifecycles set archived_at = clock_timestamp(), archived_by = ${actor}, archive_reason = ${reason}, updated_at = now()
      where tenant_id = ${tenant} and name = ${name}`;
    await note(tx, {
      ...request,
      action: 'lifecycle.archive',
      before: { archived: false },
      after: { archived: true },
    });
  }
  return readArchive(tx, champions, request);
}

/**
 * Accepts new runs again and restores the schedule. Times that passed meanwhile are not made up
 * for.
 */
export async function unarchiveLifecycle(
  tx: Transaction,
  champions: Champions,
  request: ArchiveRequest,
): Promise<LifecycleArchive> {
  const { tenant, name } = request;
  const row = await lockLifecycle(tx, request);
  if (row.deletedAt !== null) throw lifecycleNotFound(name);
  if (row.archivedAt !== null) {
    await tx`
      update lifecycles set archived_at = null, archived_by = null, archive_reason = null, schedule_checked_until = null, updated_at = now()
      where tenant_id = ${tenant} and name = ${name}`;
    await note(tx, {
      ...request,
      action: 'lifecycle.unarchive',
      before: { archived: true },
      after: { archived: false },
    });
  }
  return readArchive(tx, champions, request);
}

/**
 * Hides an archived lifecycle that has no open run and no champion. `stopServing` withdraws the
 * champion in the same transaction. Runs, versions, decisions, audit log and lineage stay. A
 * repetition changes nothing.
 */
export async function deleteLifecycle(
  tx: Transaction,
  champions: Champions,
  request: ArchiveRequest & { readonly stopServing: boolean },
): Promise<LifecycleArchive> {
  const { tenant, name, stopServing } = request;
  const row = await lockLifecycle(tx, request);
  if (row.deletedAt !== null) return readArchive(tx, champions, request);
  if (row.archivedAt === null) {
    throw failure(
      'Conflict',
      `the lifecycle ${name} is not archived, and only an archived one can be deleted`,
      {
        next: `perennial lifecycle archive ${name} --reason "<why>"`,
      },
    );
  }
  const runs = await listOpenRuns(tx, request);
  if (runs.length > 0) {
    throw failure(
      'Conflict',
      `the lifecycle ${name} cannot be deleted: ${runs.join(', ')} ${runs.length === 1 ? 'has' : 'have'} not ended`,
      {
        next: `perennial run cancel ${runs[0] ?? ''} --reason "<why>"`,
      },
    );
  }
  const champion = await champions.lock(tx, request);
  if (champion !== null) {
    if (!stopServing) {
      throw failure(
        'Conflict',
        `the lifecycle ${name} cannot be deleted: ${name}@${champion} serves requests`,
        {
          next: `move its callers elsewhere, then perennial lifecycle delete ${name} --stop-serving --yes --reason "<why>"`,
        },
      );
    }
    await champions.withdraw(tx, request);
  }
  await tx`update lifecycles set deleted_at = clock_timestamp(), updated_at = now() where tenant_id = ${tenant} and name = ${name}`;
  await note(tx, {
    ...request,
    action: 'lifecycle.delete',
    before: { deleted: false, champion },
    after: { deleted: true, champion: null },
  });
  return readArchive(tx, champions, request);
}

/**
 * Accepting a run takes a share lock on this row, so the run is either visible here or sees this
 * change.
 */
async function lockLifecycle(
  tx: Transaction,
  { tenant, name }: ArchivedName,
): Promise<LifecycleRow> {
  const [row] = await tx<
    LifecycleRow[]
  >`select * from lifecycles where tenant_id = ${tenant} and name = ${name} for update`;
  if (!row) throw lifecycleNotFound(name);
  return row;
}

async function listOpenRuns(
  tx: Transaction,
  { tenant, name }: ArchivedName,
): Promise<readonly RunId[]> {
  const rows = await tx<{ readonly id: RunId }[]>`
    select id from runs where tenant_id = ${tenant} and lifecycle = ${name} and ended_at is null order by id limit 20`;
  return rows.map(({ id }) => id);
}

/** Null before the first version. */
async function note(
  tx: Transaction,
  {
    tenant,
    name,
    actor,
    reason,
    action,
    before,
    after,
  }: ArchiveRequest & {
    readonly action: string;
    readonly before: unknown;
    readonly after: unknown;
  },
): Promise<void> {
  await appendAudit(tx, {
    tenant,
    actor,
    action,
    subject: `lifecycle:${name}`,
    cause: reason,
    before,
    after,
  });
  // Temporal has no part in this transaction. The outbox updates the schedule even if this process
  // stops.
  await enqueueOutbox(tx, { tenant, topic: 'schedule.sync', payload: { lifecycle: name } });
}

async function readArchive(
  tx: Transaction,
  champions: Champions,
  name: ArchivedName,
): Promise<LifecycleArchive> {
  const { archivedAt, archivedBy, archiveReason, deletedAt } = await lockLifecycle(tx, name);
  return {
    lifecycle: name.name,
    archived:
      archivedAt === null
        ? null
        : { at: archivedAt, by: archivedBy ?? '', reason: archiveReason ?? '' },
    deletedAt,
    champion: await champions.lock(tx, name),
    openRuns: await listOpenRuns(tx, name),
  };
}
