import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import { checkSize } from '../../domain/tracking/batch';
import {
  defaultExperiment,
  type Experiment,
  type KeyedTexts,
  type TrackingStage,
} from '../../domain/tracking/tracking';
import { appendAudit } from '../audit/entry';
import type { Columns } from '../columns';
import type { Database, Query } from '../connection';
import { toJson } from '../document';
import { newId } from '../ids';
import type { Page } from '../page';
import type { trackingExperiments } from './schema';
import {
  meetsTerms,
  pageFrom,
  searchParameters,
  sortedBy,
  type TrackingSearch,
} from './search-sql';

export interface ExperimentRepository {
  /** @throws Conflict for a name in use, also by a deleted experiment */
  create(input: {
    readonly tenant: Tenant;
    readonly name: string;
    readonly tags: KeyedTexts;
    readonly actor: string;
  }): Promise<Experiment>;
  /** The default experiment exists from its first use on. */
  get(input: { readonly tenant: Tenant; readonly id: string }): Promise<Experiment | null>;
  named(input: { readonly tenant: Tenant; readonly name: string }): Promise<Experiment | null>;
  search(input: TrackingSearch & { readonly tenant: Tenant }): Promise<Page<Experiment>>;
  /** Renames, deletes or restores. @throws NotFound, Conflict */
  change(input: {
    readonly tenant: Tenant;
    readonly id: string;
    readonly name?: string | undefined;
    readonly stage?: TrackingStage | undefined;
    readonly actor: string;
  }): Promise<void>;
  /** A null removes a tag. */
  tag(input: {
    readonly tenant: Tenant;
    readonly id: string;
    readonly key: string;
    readonly value: string | null;
  }): Promise<void>;
}

type ExperimentRow = Columns<
  typeof trackingExperiments,
  'id' | 'name' | 'stage' | 'tags' | 'createdAtMs' | 'updatedAtMs'
>;

export function createExperimentRepository({ sql }: Database): ExperimentRepository {
  const get: ExperimentRepository['get'] = async ({ tenant, id }) => {
    if (id === defaultExperiment.id) await makeDefault(sql, tenant);
    const [row] = await sql<ExperimentRow[]>`
      select id, name, stage, tags, created_at_ms, updated_at_ms from tracking_experiments
      where tenant_id = ${tenant} and id = ${id}`;
    return row ?? null;
  };
  return {
    get,

    create: ({ tenant, name, tags, actor }) =>
      sql.begin(async (tx) => {
        checkSize(`the experiment ${name}`, { params: {}, tags });
        const [row] = await tx<ExperimentRow[]>`
          insert into tracking_experiments (tenant_id, id, name, stage, tags, created_at_ms, updated_at_ms)
          values (${tenant}, ${newId('exp')}, ${name}, 'active', ${toJson(tags)}, ${Date.now()}, ${Date.now()})
          on conflict (tenant_id, name) do nothing
          returning id, name, stage, tags, created_at_ms, updated_at_ms`;
        if (!row) throw inUse(name);
        await appendAudit(tx, {
          tenant,
          actor,
          action: 'experiment.create',
          subject: `experiment:${row.id}`,
          cause: 'requested',
          after: { name },
        });
        return row;
      }),

    async named({ tenant, name }) {
      if (name === defaultExperiment.name) await makeDefault(sql, tenant);
      const [row] = await sql<ExperimentRow[]>`
        select id, name, stage, tags, created_at_ms, updated_at_ms from tracking_experiments
        where tenant_id = ${tenant} and name = ${name}`;
      return row ?? null;
    },

    async search({ tenant, stages, terms, order, ...page }) {
      await makeDefault(sql, tenant);
      const asked = searchParameters({ terms, order }, experimentKeys);
      const rows = await sql<ExperimentRow[]>`
        select t.id, t.name, t.stage, t.tags, t.created_at_ms, t.updated_at_ms from tracking_experiments t
        cross join lateral (select json_build_object('tag', t.tags, 'attribute', json_build_object('experiment_id', t.id, 'name', t.name,
          'creation_time', t.created_at_ms, 'last_update_time', t.updated_at_ms)) as doc) d
        where t.tenant_id = ${tenant} and t.stage = any(${[...stages]}::text[]) and ${meetsTerms(sql, asked.terms)}
        order by ${sortedBy(sql, asked.first)}, ${sortedBy(sql, asked.second)}, ${sortedBy(sql, asked.third)},
          t.created_at_ms desc, t.id
        limit ${page.pageSize + 1} offset ${page.offset}`;
      return pageFrom(rows, page);
    },

    change: ({ tenant, id, name, stage, actor }) =>
      sql.begin(async (tx) => {
        const [before] = await tx<ExperimentRow[]>`
          select id, name, stage, tags, created_at_ms, updated_at_ms from tracking_experiments
          where tenant_id = ${tenant} and id = ${id} for update`;
        if (!before) throw noExperiment(id);
        const after = { name: name ?? before.name, stage: stage ?? before.stage };
        if (after.name !== before.name) {
          const [other] = await tx`
            select from tracking_experiments where tenant_id = ${tenant} and name = ${after.name}`;
          if (other) throw inUse(after.name);
        }
        await tx`
          update tracking_experiments set name = ${after.name}, stage = ${after.stage}, updated_at_ms = ${Date.now()}
          where tenant_id = ${tenant} and id = ${id}`;
        await appendAudit(tx, {
          tenant,
          actor,
          action: 'experiment.update',
          subject: `experiment:${id}`,
          cause: 'requested',
          before: { name: before.name, stage: before.stage },
          after,
        });
      }),

    tag: ({ tenant, id, key, value }) =>
      sql.begin(async (tx) => {
        const [row] = await tx<Columns<typeof trackingExperiments, 'tags'>[]>`
          select tags from tracking_experiments where tenant_id = ${tenant} and id = ${id} for update`;
        if (!row) throw noExperiment(id);
        const tags = withTag(row.tags, key, value);
        checkSize(`the experiment ${id}`, { params: {}, tags });
        await tx`
          update tracking_experiments set tags = ${toJson(tags)}, updated_at_ms = ${Date.now()}
          where tenant_id = ${tenant} and id = ${id}`;
      }),
  };
}

/** Two first uses at once make one row. */
export async function makeDefault(sql: Query, tenant: Tenant): Promise<void> {
  const { id, name } = defaultExperiment;
  await sql`
    insert into tracking_experiments (tenant_id, id, name, stage, tags, created_at_ms, updated_at_ms)
    values (${tenant}, ${id}, ${name}, 'active', '{}', ${Date.now()}, ${Date.now()}) on conflict do nothing`;
}

export function noExperiment(id: string): Error {
  return failure('NotFound', `there is no experiment ${id}`, { next: 'perennial experiment list' });
}

export function withTag(tags: KeyedTexts, key: string, value: string | null): KeyedTexts {
  if (value !== null) return { ...tags, [key]: value };
  return Object.fromEntries(Object.entries(tags).filter(([each]) => each !== key));
}

const experimentKeys = {
  attributes: {
    experiment_id: 'text',
    name: 'text',
    creation_time: 'number',
    last_update_time: 'number',
  },
  kinds: ['tag'],
} as const;

function inUse(name: string): Error {
  return failure('Conflict', `the experiment ${JSON.stringify(name)} exists already`, {
    next: 'use it, or choose another name; a deleted experiment keeps its name',
  });
}
