import { randomUUID } from 'node:crypto';
import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import { checkSize, withParams } from '../../domain/tracking/batch';
import type { KeyedTexts, LoggedModel, LoggedModelStatus } from '../../domain/tracking/tracking';
import type { Columns } from '../columns';
import type { Database, Transaction } from '../connection';
import { toJson } from '../document';
import type { Page } from '../page';
import { noExperiment, withTag } from './experiment-repository';
import type { loggedModels } from './schema';
import {
  meetsTerms,
  pageFrom,
  searchParameters,
  sortedBy,
  type TrackingSearch,
} from './search-sql';

export interface LoggedModelRepository {
  /** @throws NotFound for an unknown experiment */
  create(
    input: Pick<
      LoggedModel,
      'experimentId' | 'sourceRunId' | 'name' | 'type' | 'params' | 'tags'
    > & {
      readonly tenant: Tenant;
    },
  ): Promise<LoggedModel>;
  get(input: { readonly tenant: Tenant; readonly id: string }): Promise<LoggedModel | null>;
  /** Adds params and tags, removes a tag, or sets the status. @throws NotFound, InvalidInput */
  change(input: {
    readonly tenant: Tenant;
    readonly id: string;
    readonly status?: LoggedModelStatus | undefined;
    readonly params?: KeyedTexts | undefined;
    readonly tags?: KeyedTexts | undefined;
    readonly removeTag?: string | undefined;
  }): Promise<LoggedModel>;
  /** Does nothing when there is none. */
  delete(input: { readonly tenant: Tenant; readonly id: string }): Promise<void>;
  search(
    input: Omit<TrackingSearch, 'stages'> & {
      readonly tenant: Tenant;
      readonly experimentIds: readonly string[];
    },
  ): Promise<Page<LoggedModel>>;
}

type LoggedModelRow = Columns<
  typeof loggedModels,
  | 'id'
  | 'experimentId'
  | 'sourceRunId'
  | 'name'
  | 'type'
  | 'status'
  | 'params'
  | 'tags'
  | 'createdAtMs'
  | 'updatedAtMs'
>;

export function createLoggedModelRepository({ sql }: Database): LoggedModelRepository {
  return {
    create: ({ tenant, experimentId, sourceRunId, name, type, params, tags }) =>
      sql.begin(async (tx) => {
        const [experiment] = await tx`
          select from tracking_experiments where tenant_id = ${tenant} and id = ${experimentId}`;
        if (!experiment) throw noExperiment(experimentId);
        checkSize(`the model ${name}`, { params, tags });
        const id = `m-${randomUUID().replaceAll('-', '')}`;
        const [row] = await tx<LoggedModelRow[]>`
          insert into logged_models (tenant_id, id, experiment_id, source_run_id, name, type, status, stage, params, tags, created_at_ms, updated_at_ms)
          values (${tenant}, ${id}, ${experimentId}, ${sourceRunId}, ${name}, ${type}, 'LOGGED_MODEL_PENDING', 'active', ${toJson(params)},
            ${toJson(tags)}, ${Date.now()}, ${Date.now()})
          returning id, experiment_id, source_run_id, name, type, status, params, tags, created_at_ms, updated_at_ms`;
        return row as LoggedModelRow;
      }),

    async get({ tenant, id }) {
      const [row] = await sql<LoggedModelRow[]>`
        select id, experiment_id, source_run_id, name, type, status, params, tags, created_at_ms, updated_at_ms
        from logged_models where tenant_id = ${tenant} and id = ${id} and stage = 'active'`;
      return row ?? null;
    },

    change: ({ tenant, id, status, params, tags = {}, removeTag }) =>
      sql.begin(async (tx) => {
        const before = await lockedModel(tx, tenant, id);
        const merged = { ...before.tags, ...tags };
        const after = {
          status: status ?? before.status,
          params: withParams(before, params),
          tags: removeTag === undefined ? merged : withTag(merged, removeTag, null),
        };
        checkSize(`the model ${id}`, after);
        const updatedAtMs = Date.now();
        await tx`
          update logged_models set status = ${after.status}, params = ${toJson(after.params)}, tags = ${toJson(after.tags)},
            updated_at_ms = ${updatedAtMs}
          where tenant_id = ${tenant} and id = ${id}`;
        return { ...before, ...after, updatedAtMs };
      }),

    async delete({ tenant, id }) {
      await sql`update logged_models set stage = 'deleted' where tenant_id = ${tenant} and id = ${id}`;
    },

    async search({ tenant, experimentIds, terms, order, ...page }) {
      const asked = searchParameters({ terms, order }, modelKeys);
      const rows = await sql<LoggedModelRow[]>`
        select t.id, t.experiment_id, t.source_run_id, t.name, t.type, t.status, t.params, t.tags, t.created_at_ms, t.updated_at_ms
        from logged_models t
        cross join lateral (select json_build_object('param', t.params, 'tag', t.tags, 'attribute',
          json_build_object('model_id', t.id, 'name', t.name, 'model_type', t.type, 'status', t.status, 'source_run_id', t.source_run_id,
            'creation_timestamp', t.created_at_ms, 'last_updated_timestamp', t.updated_at_ms)) as doc) d
        where t.tenant_id = ${tenant} and t.experiment_id = any(${[...experimentIds]}::text[])
          and t.stage = 'active' and ${meetsTerms(sql, asked.terms)}
        order by ${sortedBy(sql, asked.first)}, ${sortedBy(sql, asked.second)}, ${sortedBy(sql, asked.third)},
          t.created_at_ms desc, t.id
        limit ${page.pageSize + 1} offset ${page.offset}`;
      return pageFrom(rows, page);
    },
  };
}

const modelKeys = {
  attributes: {
    model_id: 'text',
    name: 'text',
    model_type: 'text',
    status: 'text',
    source_run_id: 'text',
    creation_timestamp: 'number',
    last_updated_timestamp: 'number',
  },
  kinds: ['param', 'tag'],
} as const;

async function lockedModel(tx: Transaction, tenant: Tenant, id: string): Promise<LoggedModelRow> {
  const [row] = await tx<LoggedModelRow[]>`
    select id, experiment_id, source_run_id, name, type, status, params, tags, created_at_ms, updated_at_ms
    from logged_models where tenant_id = ${tenant} and id = ${id} and stage = 'active' for update`;
  if (!row) throw noLoggedModel(id);
  return row;
}

export function noLoggedModel(id: string): Error {
  return failure('NotFound', `there is no logged model ${id}`);
}
