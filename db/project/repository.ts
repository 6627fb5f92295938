import type { ArtifactRef, Digest } from '../../domain/artifact';
import type { Tenant } from '../../domain/ids';
import type { ProgramRef } from '../../domain/lifecycle/sections/program';
import { appendAudit } from '../audit/entry';
import type { Database, Query } from '../connection';
import { toJson } from '../document';
import type { projectBuilds } from './schema';

export interface ProjectBuildRecord {
  readonly tenant: Tenant;
  readonly project: string;
  readonly digest: Digest;
  readonly lifecycles: readonly string[];
  readonly workflows: ArtifactRef;
  readonly stages: ArtifactRef;
  readonly createdBy: string;
  readonly createdAt: string;
}

export interface NeededBuild extends ProjectBuildRecord {
  /** Whether new runs use it: a lifecycle in use names it in its current revision. */
  readonly isCurrent: boolean;
}

export interface ProjectRepository {
  /** Stores a build, with an audit row. A repetition changes nothing. */
  register(
    input: Omit<ProjectBuildRecord, 'createdAt' | 'createdBy'> & { readonly actor: string },
  ): Promise<void>;
  get(input: ProgramRef & { readonly tenant: Tenant }): Promise<ProjectBuildRecord | null>;
  /** Newest first. */
  list(input: {
    readonly tenant: Tenant;
    readonly project: string;
  }): Promise<readonly ProjectBuildRecord[]>;
  /**
   * The builds that need a worker, of all tenants: those that new runs use, and those of runs that
   * have not ended.
   */
  needed(): Promise<readonly NeededBuild[]>;
}

type BuildRow = typeof projectBuilds.$inferSelect;

export function createProjectRepository({ sql }: Database): ProjectRepository {
  return {
    register: ({ tenant, project, digest, lifecycles, workflows, stages, actor }) =>
      sql.begin(async (tx) => {
        const [row] = await tx<BuildRow[]>`
          insert into project_builds (tenant_id, project, digest, lifecycles, workflows, stages, created_by)
          values (${tenant}, ${project}, ${digest}, ${toJson(lifecycles)}, ${toJson(workflows)}, ${toJson(stages)}, ${actor})
          on conflict do nothing returning *`;
        if (!row) return;
        await appendAudit(tx, {
          tenant,
          actor,
          action: 'project.build',
          subject: `project:${project}`,
          cause: 'deployed',
          after: { digest, lifecycles },
        });
      }),

    async get({ tenant, project, build }) {
      const [row] = await sql<BuildRow[]>`
        select * from project_builds where tenant_id = ${tenant} and project = ${project} and digest = ${build}`;
      return row ? toRecord(row) : null;
    },

    async list({ tenant, project }) {
      const rows = await sql<BuildRow[]>`
        select * from project_builds where tenant_id = ${tenant} and project = ${project}
        order by created_at desc limit 100`;
      return rows.map(toRecord);
    },

    async needed() {
      return (await selectNeededBuilds(sql)).map((row) => ({
        ...toRecord(row),
        isCurrent: row.isCurrent,
      }));
    },
  };
}

function selectNeededBuilds(sql: Query) {
  return sql<(BuildRow & { readonly isCurrent: boolean })[]>`
    with current as (
      select distinct l.tenant_id, r.spec -> 'program' ->> 'project' as project, r.spec -> 'program' ->> 'build' as digest
      from lifecycles l join lifecycle_revisions r on r.tenant_id = l.tenant_id and r.lifecycle = l.name and r.revision = l.current_revision
      where l.deleted_at is null and r.spec -> 'program' is not null
    ),
    open as (
      select distinct tenant_id, program ->> 'project' as project, program ->> 'build' as digest
      from runs where status not in ('succeeded', 'stopped', 'failed', 'cancelled', 'lost') and program is not null
    )
    select b.*, (b.tenant_id, b.project, b.digest) in (select tenant_id, project, digest from current) as is_current
    from project_builds b
    where (b.tenant_id, b.project, b.digest) in (select tenant_id, project, digest from current)
      or (b.tenant_id, b.project, b.digest) in (select tenant_id, project, digest from open)
    order by b.tenant_id, b.project, b.created_at`;
}

function toRecord({ tenantId: tenant, ...row }: BuildRow): ProjectBuildRecord {
  const { project, digest, lifecycles, workflows, stages, createdBy, createdAt } = row;
  return { tenant, project, digest, lifecycles, workflows, stages, createdBy, createdAt };
}
