import type { ArtifactRef } from '../../domain/artifact';
import type { RunId, Tenant } from '../../domain/ids';
import type { ChatSignature } from '../../domain/bundle/bundle';
import type { ImportedModel, ImportedOrigin } from '../../domain/model/imported';
import type { ModelSignature, ModelVersionRef, ModelVersionStatus } from '../../domain/model/model';
import type { Page, PageRequest } from '../page';
import { failure } from '../../domain/failure';
import type { Columns } from '../columns';
import type { Database, Query, Transaction } from '../connection';
import type { Statement } from '../sql';
import { toJson } from '../document';
import { runIdempotently } from '../idempotency/idempotency';
import { afterKey, rowsToAsk, toPage } from '../page';
import { guardRun } from '../run/guard';
import type { modelVersions, models } from './schema';
import { appendAudit } from '../audit/entry';
import type { modelAliases } from './alias-schema';

export interface ModelVersionRecord extends ModelVersionRef {
  readonly status: ModelVersionStatus;
  readonly signature: ModelSignature | ChatSignature;
  readonly metrics: Readonly<Record<string, number>>;
  readonly runId: RunId;
  /** Where an imported version came from; null for a version that its run made. */
  readonly imported: ImportedOrigin | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface ModelSummary {
  readonly name: string;
  readonly versions: number;
  readonly champion: number | null;
  readonly createdAt: string;
}

export interface ModelRepository {
  /**
   * Registers one version (`candidate`) for each key, numbered from 1 without gaps. Throws
   * FencedOff for a run that has ended or is being undone.
   */
  register(input: {
    readonly tenant: Tenant;
    readonly model: string;
    readonly runId: RunId;
    readonly manifest: ArtifactRef;
    readonly signature: ModelSignature | ChatSignature;
    readonly metrics?: Readonly<Record<string, number>> | undefined;
    /** Cause in the audit log; default `trained`. */
    readonly cause?: string | undefined;
    readonly idempotencyKey: string;
  }): Promise<ModelVersionRef>;
  /**
   * Sets `rejected` or `withdrawn`, with an audit row. Throws Conflict for a promoted version and
   * for one with an alias. Only a promotion sets `promoted`.
   */
  setStatus(input: {
    readonly tenant: Tenant;
    readonly model: string;
    readonly version: number;
    readonly status: 'rejected' | 'withdrawn';
    readonly cause: string;
    readonly actor?: string | undefined;
  }): Promise<ModelVersionRecord>;
  get(input: {
    readonly tenant: Tenant;
    readonly model: string;
    readonly version: number;
  }): Promise<ModelVersionRecord | null>;
  /** Sorted by name. */
  list(input: { readonly tenant: Tenant } & PageRequest): Promise<Page<ModelSummary>>;
  versions(
    input: { readonly tenant: Tenant; readonly model: string } & PageRequest,
  ): Promise<Page<ModelVersionRecord>>;
}

export function createModelRepository({ sql }: Database): ModelRepository {
  return {
    register: (input) =>
      sql.begin((tx) => {
        const { tenant, model, runId, manifest, idempotencyKey: key } = input;
        const request = { model, runId, digest: manifest.digest };
        return runIdempotently(
          tx,
          { tenant, operation: 'model.register', key, request },
          async () => {
            await guardRun(tx, { tenant, runId });
            return { model, version: await registerVersion(tx, input), manifest };
          },
        );
      }),

    setStatus: ({ tenant, model, version, status, cause, actor = 'perennial' }) =>
      sql.begin(async (tx) => {
        const [before] = await versionsWhere(
          tx,
          tx`v.tenant_id = ${tenant} and v.model = ${model} and v.version = ${version} for update of v`,
        );
        if (!before) throw failure('NotFound', `there is no ${model}@${version}`);
        if (before.status === status) return toRecord(before);
        if (before.status === 'promoted')
          throw failure(
            'Conflict',
            `${model}@${version} was a champion: roll back instead of making it ${status}`,
          );
        const [aliased] = await tx<Columns<typeof modelAliases, 'alias'>[]>`
          select alias from model_aliases where tenant_id = ${tenant} and model = ${model} and version = ${version}`;
        if (aliased) throw failure('Conflict', `${model}@${version} is the ${aliased.alias}`);
        await tx`
          update model_versions set status = ${status}, updated_at = now()
          where tenant_id = ${tenant} and model = ${model} and version = ${version}`;
        const [row] = await versionsWhere(
          tx,
          tx`v.tenant_id = ${tenant} and v.model = ${model} and v.version = ${version}`,
        );
        await appendAudit(tx, {
          tenant,
          actor,
          action: 'model.setStatus',
          subject: `model:${model}@${version}`,
          cause,
          before: { status: before.status },
          after: { status },
        });
        return toRecord(row ?? before);
      }),

    async get({ tenant, model, version }) {
      const [row] = await versionsWhere(
        sql,
        sql`v.tenant_id = ${tenant} and v.model = ${model} and v.version = ${version}`,
      );
      return row ? toRecord(row) : null;
    },

    async list({ tenant, ...page }) {
      const after = afterKey(page);
      const rows = await sql<(typeof models.$inferSelect & { readonly champion: number | null })[]>`
        select m.*, a.version as champion from models m
        left join model_aliases a on a.tenant_id = m.tenant_id and a.model = m.name and a.alias = 'champion'
        where m.tenant_id = ${tenant} and ${after === null ? sql`true` : sql`m.name > ${after}`}
        order by m.name limit ${rowsToAsk(page)}`;
      return toPage(
        rows,
        page,
        (row) => row.name,
        ({ name, versions, champion, createdAt }) => ({ name, versions, champion, createdAt }),
      );
    },

    async versions({ tenant, model, ...page }) {
      const after = afterKey(page);
      const rows = await versionsWhere(
        sql,
        sql`v.tenant_id = ${tenant} and v.model = ${model}
          and ${after === null ? sql`true` : sql`v.version < ${Number(after)}`}
          order by v.version desc limit ${rowsToAsk(page)}`,
      );
      return toPage(rows, page, (row) => String(row.version), toRecord);
    },
  };
}

/** The lock on the model's row numbers versions one at a time. */
async function registerVersion(
  tx: Transaction,
  input: Parameters<ModelRepository['register']>[0],
): Promise<number> {
  const { tenant, model, runId, manifest, signature, metrics = {}, cause = 'trained' } = input;
  const [numbered] = await tx<Columns<typeof models, 'versions'>[]>`
    insert into models as m (tenant_id, name, versions) values (${tenant}, ${model}, 1)
    on conflict on constraint models_pk do update set versions = m.versions + 1 returning versions`;
  const version = numbered?.versions ?? 1;
  await tx`
    insert into model_versions (tenant_id, model, version, digest, manifest, signature, metrics, status, run_id)
    values (${tenant}, ${model}, ${version}, ${manifest.digest}, ${toJson(manifest)}, ${toJson(signature)}, ${toJson(metrics)}, 'candidate', ${runId})`;
  await appendAudit(tx, {
    tenant,
    actor: `run:${runId}`,
    action: 'model.register',
    subject: `model:${model}@${version}`,
    cause,
    after: { version, digest: manifest.digest },
  });
  return version;
}

interface ModelVersionRow extends Columns<
  typeof modelVersions,
  | 'model'
  | 'version'
  | 'manifest'
  | 'status'
  | 'signature'
  | 'metrics'
  | 'runId'
  | 'createdAt'
  | 'updatedAt'
> {
  readonly importedModel: ImportedModel | null;
  readonly actor: string;
}

/** The run of a version says whether it was imported. */
function versionsWhere(sql: Query, condition: Statement<object[]>): Statement<ModelVersionRow[]> {
  return sql<ModelVersionRow[]>`
    select v.model, v.version, v.manifest, v.status, v.signature, v.metrics, v.run_id, v.created_at,
      v.updated_at, r.request -> 'imported' as imported_model, r.actor
    from model_versions v join runs r on r.tenant_id = v.tenant_id and r.id = v.run_id
    where ${condition}`;
}

function toRecord({ importedModel, actor, ...version }: ModelVersionRow): ModelVersionRecord {
  if (importedModel === null) return { ...version, imported: null };
  const { format, fileName, artifact } = importedModel;
  return { ...version, imported: { format, fileName, digest: artifact.digest, actor } };
}
