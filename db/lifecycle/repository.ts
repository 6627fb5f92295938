import type { Digest } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { ProgramRef } from '../../domain/lifecycle/sections/program';
import { changesToApprove } from '../../domain/lifecycle/judged-data';
import { actingKeyId } from '../acting-key';
import type { Database } from '../connection';
import { afterKey, rowsToAsk, toPage } from '../page';
import {
  accept,
  closeProposal,
  expireSelfApproval,
  findPending,
  propose,
  readProposal,
  readSelfApprovals,
  reject,
} from './proposals';
import { archiveLifecycle, deleteLifecycle, unarchiveLifecycle, type Champions } from './archive';
import {
  lockCurrent,
  putInForce,
  refuseArchived,
  findRevision,
  toRevision,
  type LifecycleRow,
  type RevisionRow,
} from './revisions';
import { appendAudit } from '../audit/entry';
import type { AppliedRevision, LifecycleRepository, LifecycleSummary } from './records';
import { findProgram, type LifecycleSpec } from '../../domain/lifecycle/revision';

export function createLifecycleRepository(
  { sql }: Database,
  champions: Champions,
): LifecycleRepository {
  return {
    apply: ({ tenant, revision, actor }) =>
      sql.begin(async (tx): Promise<AppliedRevision> => {
        const { lifecycle, digest } = revision;
        const before = await lockCurrent(tx, tenant, revision);
        if (before.digest !== null && before.kind !== revision.spec.kind) {
          throw failure(
            'Conflict',
            `${lifecycle} is a ${before.kind}: a ${revision.spec.kind} needs another name`,
          );
        }
        refuseArchived(lifecycle, before);
        const pending = await findPending(tx, { tenant, name: lifecycle });
        if (pending?.digest === digest)
          return { kind: 'pending', proposal: await readProposal(tx, pending) };
        if (pending)
          await closeProposal(tx, pending, {
            status: 'superseded',
            by: actor,
            reason: `${digest} was applied`,
          });
        if (before.digest === digest && before.deletedAt === null)
          return {
            kind: 'inForce',
            revision: await findRevision(tx, tenant, revision),
            changed: false,
          };
        const loosened =
          before.digest === null
            ? []
            : changesToApprove(
                await findRevision(tx, tenant, { lifecycle, digest: before.digest }),
                revision,
              );
        if (loosened.length > 0) {
          return {
            kind: 'pending',
            proposal: await propose(tx, { tenant, revision, before, loosened, actor }),
          };
        }
        const by = { appliedBy: actor, appliedByKey: actingKeyId() };
        const applied = await putInForce(tx, {
          tenant,
          revision,
          number: before.revisions + 1,
          by,
        });
        await appendAudit(tx, {
          tenant,
          actor,
          action: 'lifecycle.apply',
          subject: `lifecycle:${lifecycle}`,
          cause:
            before.digest === null
              ? 'created'
              : before.deletedAt === null
                ? 'changed'
                : 'created again',
          before:
            before.digest === null
              ? null
              : { revision: before.currentRevision, digest: before.digest },
          after: { revision: applied.revision, digest: applied.digest },
        });
        return { kind: 'inForce', revision: applied, changed: true };
      }),

    async proposal(lifecycle) {
      const pending = await findPending(sql, lifecycle);
      return pending ? readProposal(sql, pending) : null;
    },

    accept: (input) => sql.begin((tx) => accept(tx, input)),

    selfApprovals: ({ tenant }) => readSelfApprovals(sql, tenant),

    async expireSelfApprovals() {
      const due = await sql<
        {
          readonly tenantId: Tenant;
          readonly id: string;
          readonly lifecycle: string;
          readonly revision: number;
        }[]
      >`
        select p.tenant_id, p.id, p.lifecycle, p.revision from lifecycle_proposals p
        join lifecycles l on l.tenant_id = p.tenant_id and l.name = p.lifecycle and l.archived_at is null and l.deleted_at is null
        where p.status = 'accepted' and p.expires_at <= now() order by p.expires_at limit 100`;
      const ended = [];
      for (const { tenantId: tenant, lifecycle, revision, id } of due)
        if (await sql.begin((tx) => expireSelfApproval(tx, { tenantId: tenant, id, lifecycle })))
          ended.push({ tenant, lifecycle, revision });
      return ended;
    },

    reject: (input) => sql.begin((tx) => reject(tx, input)),

    archive: (input) => sql.begin((tx) => archiveLifecycle(tx, champions, input)),

    unarchive: (input) => sql.begin((tx) => unarchiveLifecycle(tx, champions, input)),

    delete: (input) => sql.begin((tx) => deleteLifecycle(tx, champions, input)),

    async archived({ tenant, name }) {
      const [row] = await sql<LifecycleRow[]>`
        select * from lifecycles where tenant_id = ${tenant} and name = ${name} and archived_at is not null and deleted_at is null`;
      return row?.archivedAt
        ? { at: row.archivedAt, by: row.archivedBy ?? '', reason: row.archiveReason ?? '' }
        : null;
    },

    async scheduled({ tenant, name }) {
      const [row] = await sql<(RevisionRow & Pick<LifecycleRow, 'archivedAt'>)[]>`
        select r.*, l.archived_at from lifecycle_revisions r join lifecycles l on l.tenant_id = r.tenant_id and l.name = r.lifecycle
        where r.tenant_id = ${tenant} and r.lifecycle = ${name} and r.revision = l.current_revision`;
      if (!row) return null;
      const { revision, spec, archivedAt } = row;
      return {
        revision,
        kind: spec.kind,
        program: findProgramRef(spec),
        schedule: archivedAt === null ? spec.schedule : null,
      };
    },

    async get({ tenant, name, digest, revision, program }) {
      const isAsked =
        digest !== undefined
          ? sql`r.digest = ${digest}`
          : revision !== undefined
            ? sql`r.revision = ${revision}`
            : program !== undefined
              ? sql`r.spec -> 'program' ->> 'project' = ${program.project} and starts_with(r.spec -> 'program' ->> 'build', ${`sha256:${program.buildId}`})`
              : sql`r.revision = l.current_revision and l.deleted_at is null`;
      const [row] = await sql<RevisionRow[]>`
        select r.* from lifecycle_revisions r join lifecycles l on l.tenant_id = r.tenant_id and l.name = r.lifecycle
        where r.tenant_id = ${tenant} and r.lifecycle = ${name}
          and ${isAsked}
        order by r.revision desc limit 1`;
      return row ? toRevision(row) : null;
    },

    async list({ tenant, archived = false, ...page }) {
      const after = afterKey(page);
      const rows = await sql<(LifecycleRow & Pick<RevisionRow, 'digest'>)[]>`
        select l.*, r.digest from lifecycles l
        join lifecycle_revisions r on r.tenant_id = l.tenant_id and r.lifecycle = l.name and r.revision = l.current_revision
        where l.tenant_id = ${tenant} and l.deleted_at is null and ${archived ? sql`l.archived_at is not null` : sql`l.archived_at is null`}
          and ${after === null ? sql`true` : sql`l.name > ${after}`}
        order by l.name limit ${rowsToAsk(page)}`;
      return toPage(rows, page, (row) => row.name, toSummary);
    },

    async revisions({ tenant, name, ...page }) {
      const after = afterKey(page);
      const rows = await sql<
        Pick<RevisionRow, 'revision' | 'digest' | 'appliedBy' | 'appliedAt'>[]
      >`
        select revision, digest, applied_by, applied_at from lifecycle_revisions
        where tenant_id = ${tenant} and lifecycle = ${name} and ${after === null ? sql`true` : sql`revision < ${Number(after)}`}
        order by revision desc limit ${rowsToAsk(page)}`;
      return toPage(
        rows,
        page,
        (row) => String(row.revision),
        ({ revision, digest, appliedBy, appliedAt }) => ({
          revision,
          digest,
          appliedBy,
          appliedAt,
        }),
      );
    },

    auditSchedule: ({ tenant, name, action, actor, cause, after }) =>
      appendAudit(sql, {
        tenant,
        actor,
        action: `schedule.${action}`,
        subject: `lifecycle:${name}`,
        cause,
        after,
      }),
  };
}

function findProgramRef(spec: LifecycleSpec): ProgramRef | null {
  const program = findProgram(spec);
  if (!program) return null;
  const { project, build } = program;
  return { project, build };
}

function toSummary(row: LifecycleRow & { readonly digest: Digest }): LifecycleSummary {
  const {
    name,
    kind,
    owner,
    currentRevision: revision,
    digest,
    createdAt,
    updatedAt,
    archivedAt,
  } = row;
  return { name, kind, owner, revision, digest, createdAt, updatedAt, archivedAt };
}
