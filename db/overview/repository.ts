import type { Digest } from '../../domain/artifact';
import type { RolloutId, RunId, Tenant } from '../../domain/ids';
import type { ModelSignature } from '../../domain/model/model';
import type { ChatSignature } from '../../domain/bundle/bundle';
import type { RolloutStatus } from '../../domain/rollout/rollout';
import type { Failure, RunStatus } from '../../domain/run/run';
import type { Database } from '../connection';
import { afterKey, rowsToAsk, toPage, type Page, type PageRequest } from '../page';

/** What a person sees of a model at one glance. */
export interface ModelOverview {
  readonly name: string;
  readonly versions: number;
  readonly task: (ModelSignature | ChatSignature)['task'] | null;
  readonly champion: { readonly version: number; readonly since: string } | null;
  /**
   * The metrics of the newest versions that were evaluated, newest first, as the evaluate stage of
   * their run recorded them.
   */
  readonly measured: readonly { readonly version: number; readonly metrics: unknown }[];
  readonly rollout: {
    readonly id: RolloutId;
    readonly status: RolloutStatus;
    readonly challenger: number;
    readonly step: number;
    readonly steps: readonly number[];
    readonly weight: number;
    readonly waitingFor: string | null;
  } | null;
  readonly lastRun: {
    readonly id: RunId;
    readonly status: RunStatus;
    readonly createdAt: string;
    readonly endedAt: string | null;
  } | null;
}

/** A run that people may have to act on. */
export interface RunOverview {
  readonly id: RunId;
  readonly lifecycle: string;
  readonly status: RunStatus;
  readonly waitingFor: string | null;
  readonly failure: Failure | null;
  readonly version: number | null;
  readonly revisionDigest: Digest;
  /** Whether the holder of the caller's key started it. */
  readonly startedByCaller: boolean;
  readonly createdAt: string;
  readonly endedAt: string | null;
}

export interface OverviewRepository {
  /** Sorted by name. */
  models(input: { readonly tenant: Tenant } & PageRequest): Promise<Page<ModelOverview>>;
  /** Runs that wait or are paused, newest first, at most 100. With `runId` only that run. */
  waiting(input: {
    readonly tenant: Tenant;
    readonly keyId: string;
    readonly runId?: RunId;
  }): Promise<readonly RunOverview[]>;
  /** Runs that failed or were lost after `since`, newest first, at most 100. */
  failures(input: {
    readonly tenant: Tenant;
    readonly keyId: string;
    readonly since: string;
  }): Promise<readonly RunOverview[]>;
}

const maxRuns = 100;
/** Versions whose quality shows a trend. */
const measuredVersions = 12;

export function createOverviewRepository({ sql }: Database): OverviewRepository {
  const runColumns = (keyId: string) => sql`
    r.id, r.lifecycle, r.status, r.waiting_for, r.failure, r.version, r.revision_digest,
    r.created_at, r.ended_at,
    coalesce((select s.holder_id = c.holder_id from api_keys s, api_keys c
      where s.tenant_id = r.tenant_id and s.id = r.starter_key_id
        and c.tenant_id = r.tenant_id and c.id = ${keyId}), false) as started_by_caller`;
  return {
    async models({ tenant, ...page }) {
      const after = afterKey(page);
      const rows = await sql<ModelOverview[]>`
        select m.name, m.versions,
          (select v.signature ->> 'task' from model_versions v
            where v.tenant_id = m.tenant_id and v.model = m.name
            order by v.version desc limit 1) as task,
          (select json_build_object('version', a.version, 'since', a.moved_at) from model_aliases a
            where a.tenant_id = m.tenant_id and a.model = m.name and a.alias = 'champion') as champion,
          (select coalesce(json_agg(json_build_object(
              'version', e.version, 'metrics', e.metrics) order by e.version desc), '[]')
            from (
              select distinct on (v.version) v.version,
                s.output #> '{output,summary,metrics}' as metrics
              from model_versions v
              join stage_records s on s.tenant_id = v.tenant_id and s.run_id = v.run_id
                and s.stage = 'evaluate' and s.ended_at is not null
              where v.tenant_id = m.tenant_id and v.model = m.name
                and v.version > m.versions - ${measuredVersions}
              order by v.version, s.generation desc
            ) e where e.metrics is not null) as measured,
          (select json_build_object('id', o.id, 'status', o.status, 'challenger', o.challenger,
              'step', o.step, 'steps', o.spec -> 'steps', 'weight', o.weight,
              'waitingFor', o.waiting_for)
            from rollouts o
            where o.tenant_id = m.tenant_id and o.model = m.name and o.ended_at is null
            limit 1) as rollout,
          (select json_build_object('id', r.id, 'status', r.status, 'createdAt', r.created_at,
              'endedAt', r.ended_at)
            from runs r where r.tenant_id = m.tenant_id and r.lifecycle = m.name
            order by r.id desc limit 1) as last_run
        from models m
        where m.tenant_id = ${tenant} and ${after === null ? sql`true` : sql`m.name > ${after}`}
        order by m.name limit ${rowsToAsk(page)}`;
      return toPage(
        rows,
        page,
        ({ name }) => name,
        (row) => row,
      );
    },

    waiting: async ({ tenant, keyId, runId }) =>
      sql<RunOverview[]>`
        select ${runColumns(keyId)} from runs r
        where r.tenant_id = ${tenant} and r.status in ('waiting', 'paused')
          and ${runId === undefined ? sql`true` : sql`r.id = ${runId}`}
        order by r.id desc limit ${maxRuns}`,

    failures: async ({ tenant, keyId, since }) =>
      sql<RunOverview[]>`
        select ${runColumns(keyId)} from runs r
        where r.tenant_id = ${tenant} and r.status in ('failed', 'lost') and r.ended_at > ${since}
        order by r.id desc limit ${maxRuns}`,
  };
}
