import type { Digest } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { LifecycleRevision } from '../../domain/lifecycle/revision';
import { refuseLifecycleAboveLimit } from '../tenant/limits';
import type { Transaction } from '../connection';
import { toJson } from '../document';
import type { ArchiveRequest, NewLifecycleRevision } from './records';
import type { lifecycleRevisions, lifecycles } from './schema';
import { enqueueOutbox } from '../notification/outbox-entry';

export type LifecycleRow = typeof lifecycles.$inferSelect;
export type RevisionRow = typeof lifecycleRevisions.$inferSelect;
export type CurrentRevision = Pick<
  LifecycleRow,
  'kind' | 'currentRevision' | 'revisions' | 'archivedAt' | 'archivedBy' | 'deletedAt'
> & {
  readonly digest: Digest | null;
};

/**
 * Creates the lifecycle's row if needed and locks it, so that revisions are numbered one at a time.
 */
export async function lockCurrent(
  tx: Transaction,
  tenant: Tenant,
  { lifecycle, spec }: Pick<NewLifecycleRevision, 'lifecycle' | 'spec'>,
): Promise<CurrentRevision> {
  await refuseLifecycleAboveLimit(tx, { tenant, lifecycle });
  await tx`
    insert into lifecycles (tenant_id, name, kind, owner, current_revision, revisions)
    values (${tenant}, ${lifecycle}, ${spec.kind}, ${spec.owner}, 1, 0) on conflict do nothing`;
  const [row] = await tx<CurrentRevision[]>`
    select l.*, r.digest from lifecycles l
    left join lifecycle_revisions r on r.tenant_id = l.tenant_id and r.lifecycle = l.name and r.revision = l.current_revision
    where l.tenant_id = ${tenant} and l.name = ${lifecycle} for update of l`;
  if (!row) throw failure('NotFound', `there is no lifecycle ${lifecycle}`);
  return row;
}

/** A deleted lifecycle may be applied again; an archived one must be unarchived first. */
export function refuseArchived(
  name: string,
  {
    archivedAt,
    archivedBy,
    deletedAt,
  }: Pick<LifecycleRow, 'archivedAt' | 'archivedBy' | 'deletedAt'>,
): void {
  if (archivedAt === null || deletedAt !== null) return;
  throw failure(
    'Conflict',
    `the lifecycle ${name} was archived by ${archivedBy ?? 'an unknown key'}`,
    {
      next: `perennial lifecycle unarchive ${name} --reason "<why>"`,
    },
  );
}

/**
 * Runs under the lifecycle's row lock. A digest that was in force before keeps its number. The
 * outbox updates the schedule.
 */
export async function putInForce(
  tx: Transaction,
  {
    tenant,
    revision,
    number,
    by,
  }: {
    readonly tenant: Tenant;
    readonly revision: NewLifecycleRevision;
    readonly number: number;
    readonly by: { readonly appliedBy: string; readonly appliedByKey: string | null };
  },
): Promise<LifecycleRevision> {
  await tx`
    insert into lifecycle_revisions (tenant_id, lifecycle, revision, digest, spec, files, contracts, applied_by, applied_by_key)
    values (${tenant}, ${revision.lifecycle}, ${number}, ${revision.digest}, ${toJson(revision.spec)},
      ${toJson(revision.files)}, ${toJson(revision.contracts)}, ${by.appliedBy}, ${by.appliedByKey})
    on conflict on constraint lifecycle_revisions_digest_unique do nothing`;
  const applied = await findRevision(tx, tenant, revision);
  await tx`
    update lifecycles set kind = ${applied.spec.kind}, owner = ${applied.spec.owner}, current_revision = ${applied.revision},
      revisions = greatest(revisions, ${applied.revision}), updated_at = now(),
      archived_at = null, archived_by = null, archive_reason = null, deleted_at = null,
      schedule_checked_until = case when deleted_at is null then schedule_checked_until end
    where tenant_id = ${tenant} and name = ${revision.lifecycle}`;
  await enqueueOutbox(tx, {
    tenant,
    topic: 'schedule.sync',
    payload: { lifecycle: revision.lifecycle },
  });
  return applied;
}

export async function findRevision(
  tx: Transaction,
  tenant: Tenant,
  { lifecycle, digest }: Pick<NewLifecycleRevision, 'lifecycle' | 'digest'>,
): Promise<LifecycleRevision> {
  const [row] = await tx<RevisionRow[]>`
    select * from lifecycle_revisions where tenant_id = ${tenant} and lifecycle = ${lifecycle} and digest = ${digest}`;
  if (!row) throw failure('NotFound', `lifecycle ${lifecycle} has no revision ${digest}`);
  return toRevision(row);
}

export function toRevision({
  lifecycle,
  revision,
  digest,
  spec,
  files,
  contracts,
}: RevisionRow): LifecycleRevision {
  return { lifecycle, revision, digest, spec, files, contracts };
}

/**
 * Takes a share lock until the run is written. @throws Conflict when the lifecycle is archived,
 * NotFound when it is deleted.
 */
export async function lockForRun(
  tx: Transaction,
  { tenant, name }: Pick<ArchiveRequest, 'tenant' | 'name'>,
): Promise<void> {
  const [row] = await tx<Pick<LifecycleRow, 'archivedAt' | 'archivedBy' | 'deletedAt'>[]>`
    select archived_at, archived_by, deleted_at from lifecycles where tenant_id = ${tenant} and name = ${name} for share`;
  if (row === undefined || row.deletedAt !== null) throw lifecycleNotFound(name);
  refuseArchived(name, row);
}

export function lifecycleNotFound(name: string) {
  return failure('NotFound', `there is no lifecycle ${name}`, { next: 'perennial lifecycle list' });
}
