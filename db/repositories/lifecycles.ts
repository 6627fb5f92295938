import type { Digest } from '../../domain/artifact';
import type { Tenant } from '../../domain/ids';
import type { LifecycleRevision } from '../../domain/lifecycle';
import type { Page, PageRequest } from '../page';
import { failure } from '../../domain/failure';
import { actingKeyId } from '../acting-key';
import type { Database, Transaction } from '../connection';
import { toJson } from '../document';
import { afterKey, rowsToAsk, toPage } from '../page';
import type { lifecycleRevisions, lifecycles } from '../schema/lifecycles';
import { appendAudit } from '../writes/audit-entry';
import { promise } from '../writes/outbox-entry';

/** What `apply` is given; the registry numbers it. */
export type NewLifecycleRevision = Omit<LifecycleRevision, 'revision'>;

export interface LifecycleSummary {
  readonly name: string;
  readonly kind: string;
  readonly owner: string;
  /** The revision that new runs take. */
  readonly revision: number;
  readonly digest: Digest;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface LifecycleRevisionSummary {
  readonly revision: number;
  readonly digest: Digest;
  readonly appliedBy: string;
  readonly appliedAt: string;
}

export interface LifecycleRepository {
  /**
   * Makes the revision current. `changed` is false when it already is; an older digest becomes current again under its old number. A change promises
   * `schedule.sync` to the outbox: the schedule follows also when the caller dies.
   */
  apply(input: {
    readonly tenant: Tenant;
    readonly revision: NewLifecycleRevision;
    readonly actor: string;
  }): Promise<{ readonly revision: LifecycleRevision; readonly changed: boolean }>;
  /** The current revision, or the one of `digest`. */
  get(input: { readonly tenant: Tenant; readonly name: string; readonly digest?: Digest | undefined }): Promise<LifecycleRevision | null>;
  /** By name. */
  list(input: { readonly tenant: Tenant } & PageRequest): Promise<Page<LifecycleSummary>>;
  revisions(input: { readonly tenant: Tenant; readonly name: string } & PageRequest): Promise<Page<LifecycleRevisionSummary>>;
  /** A person steers the schedule: written down before Temporal is asked, which has no part in our transactions. */
  auditSchedule(input: {
    readonly tenant: Tenant;
    readonly name: string;
    readonly action: 'trigger' | 'pause' | 'resume' | 'backfill';
    readonly actor: string;
    readonly cause: string;
    readonly after?: unknown;
  }): Promise<void>;
}

type LifecycleRow = typeof lifecycles.$inferSelect;
type RevisionRow = typeof lifecycleRevisions.$inferSelect;

export function createLifecycleRepository({ sql }: Database): LifecycleRepository {
  return {
    apply: ({ tenant, revision, actor }) =>
      sql.begin(async (tx) => {
        const before = await currentOf(tx, tenant, revision);
        if (before.digest !== null && before.kind !== revision.spec.kind) {
          throw failure(
            'Conflict',
            `${revision.lifecycle} is a ${before.kind}, and its versions are: a ${revision.spec.kind} needs a name of its own`,
          );
        }
        if (before.digest === revision.digest) return { revision: await revisionOf(tx, tenant, revision), changed: false };
        await tx`
          insert into lifecycle_revisions (tenant_id, lifecycle, revision, digest, spec, files, contract, applied_by, applied_by_key)
          values (${tenant}, ${revision.lifecycle}, ${before.revisions + 1}, ${revision.digest}, ${toJson(revision.spec)},
            ${toJson(revision.files)}, ${toJson(revision.contract)}, ${actor}, ${actingKeyId()})
          on conflict on constraint lifecycle_revisions_digest_unique do nothing`;
        const applied = await revisionOf(tx, tenant, revision);
        await tx`
          update lifecycles set kind = ${applied.spec.kind}, owner = ${applied.spec.owner}, current_revision = ${applied.revision},
            revisions = greatest(revisions, ${applied.revision}), updated_at = now()
          where tenant_id = ${tenant} and name = ${revision.lifecycle}`;
        await appendAudit(tx, {
          tenant,
          actor,
          action: 'lifecycle.apply',
          subject: `lifecycle:${revision.lifecycle}`,
          cause: before.digest === null ? 'created' : 'changed',
          before: before.digest === null ? null : { revision: before.currentRevision, digest: before.digest },
          after: { revision: applied.revision, digest: applied.digest },
        });
        await promise(tx, { tenant, topic: 'schedule.sync', payload: { lifecycle: revision.lifecycle } });
        return { revision: applied, changed: true };
      }),

    async get({ tenant, name, digest }) {
      const [row] = await sql<RevisionRow[]>`
        select r.* from lifecycle_revisions r join lifecycles l on l.tenant_id = r.tenant_id and l.name = r.lifecycle
        where r.tenant_id = ${tenant} and r.lifecycle = ${name}
          and ${digest === undefined ? sql`r.revision = l.current_revision` : sql`r.digest = ${digest}`}`;
      return row ? toRevision(row) : null;
    },

    async list({ tenant, ...page }) {
      const after = afterKey(page);
      const rows = await sql<(LifecycleRow & { readonly digest: Digest })[]>`
        select l.*, r.digest from lifecycles l
        join lifecycle_revisions r on r.tenant_id = l.tenant_id and r.lifecycle = l.name and r.revision = l.current_revision
        where l.tenant_id = ${tenant} and ${after === null ? sql`true` : sql`l.name > ${after}`}
        order by l.name limit ${rowsToAsk(page)}`;
      return toPage(rows, page, (row) => row.name, toSummary);
    },

    async revisions({ tenant, name, ...page }) {
      const after = afterKey(page);
      const rows = await sql<RevisionRow[]>`
        select tenant_id, revision, digest, applied_by, applied_at from lifecycle_revisions
        where tenant_id = ${tenant} and lifecycle = ${name} and ${after === null ? sql`true` : sql`revision < ${Number(after)}`}
        order by revision desc limit ${rowsToAsk(page)}`;
      return toPage(
        rows,
        page,
        (row) => String(row.revision),
        ({ revision, digest, appliedBy, appliedAt }) => ({ revision, digest, appliedBy, appliedAt }),
      );
    },

    auditSchedule: ({ tenant, name, action, actor, cause, after }) =>
      appendAudit(sql, { tenant, actor, action: `schedule.${action}`, subject: `lifecycle:${name}`, cause, after }),
  };
}

/** Locks the lifecycle's row, made when it is not there, so that revisions are numbered one after the other. */
async function currentOf(
  tx: Transaction,
  tenant: Tenant,
  { lifecycle, spec }: NewLifecycleRevision,
): Promise<Pick<LifecycleRow, 'kind' | 'currentRevision' | 'revisions'> & { readonly digest: Digest | null }> {
  await tx`
    insert into lifecycles (tenant_id, name, kind, owner, current_revision, revisions)
    values (${tenant}, ${lifecycle}, ${spec.kind}, ${spec.owner}, 1, 0) on conflict do nothing`;
  const [row] = await tx<(LifecycleRow & { readonly digest: Digest | null })[]>`
    select l.*, r.digest from lifecycles l
    left join lifecycle_revisions r on r.tenant_id = l.tenant_id and r.lifecycle = l.name and r.revision = l.current_revision
    where l.tenant_id = ${tenant} and l.name = ${lifecycle} for update of l`;
  if (!row) throw failure('NotFound', `there is no lifecycle ${lifecycle}`);
  return row;
}

async function revisionOf(tx: Transaction, tenant: Tenant, { lifecycle, digest }: NewLifecycleRevision): Promise<LifecycleRevision> {
  const [row] = await tx<RevisionRow[]>`
    select * from lifecycle_revisions where tenant_id = ${tenant} and lifecycle = ${lifecycle} and digest = ${digest}`;
  if (!row) throw failure('NotFound', `lifecycle ${lifecycle} has no revision ${digest}`);
  return toRevision(row);
}

function toRevision({ lifecycle, revision, digest, spec, files, contract }: RevisionRow): LifecycleRevision {
  return { lifecycle, revision, digest, spec, files, contract };
}

function toSummary(row: LifecycleRow & { readonly digest: Digest }): LifecycleSummary {
  const { name, kind, owner, currentRevision: revision, digest, createdAt, updatedAt } = row;
  return { name, kind, owner, revision, digest, createdAt, updatedAt };
}
