import type { ArtifactRef } from '../../domain/artifact';
import type { RolloutId, Tenant } from '../../domain/ids';
import type { AliasName, ModelVersionRef } from '../../domain/model/model';
import type { Columns } from '../columns';
import type { Database, Query } from '../connection';
import type { Statement } from '../sql';
import type { modelVersions } from '../model/schema';

export interface RoutingArm {
  readonly version: number;
  readonly alias: AliasName;
  /** Share of entities, 0–1; an arm with 0 is loaded but gets no traffic. */
  readonly weight: number;
  readonly manifest: ArtifactRef;
  /** An A/B rollout has taken its traffic: the champion answers its entities. */
  readonly isStopped?: true;
}

export interface RoutedModel {
  readonly tenant: Tenant;
  readonly model: string;
  /** Whether its champion is a language application. */
  readonly isLanguage: boolean;
  readonly arms: readonly RoutingArm[];
  /** The version to which a rollback would go. */
  readonly previous: PreviousVersion | null;
  /**
   * The open rollout of these arms. The challengers come first, so that they keep their entities
   * when their weights grow. Null also before an A/B rollout divides the traffic.
   */
  readonly rollout: RoutedRollout | null;
}

export interface PreviousVersion extends ModelVersionRef {
  /**
   * How long a gateway keeps it loaded, so that a rollback is immediate. 0 once the champion has
   * served for `rollbackReadySeconds`.
   */
  readonly keepSeconds: number;
}

/**
 * Most rollbacks follow soon after a promotion. Later ones first load their version, in well below
 * a second.
 */
export const rollbackReadySeconds = 86_400;

export interface RoutedRollout {
  /** Also the salt that assigns entities. */
  readonly id: RolloutId;
  readonly step: number;
  /** Whether the arm that does not answer scores the request too. */
  readonly besides: boolean;
  /** Assignment unit of a request: a hash of what the rollout assigned. */
  readonly unit?: string;
}

export interface RoutingTable {
  readonly epoch: number;
  /** Models with a champion. */
  readonly models: readonly RoutedModel[];
}

export interface RoutingRepository {
  /** One snapshot, so that epoch and arms match. */
  table(): Promise<RoutingTable>;
  version(input: {
    readonly tenant: Tenant;
    readonly model: string;
    readonly version: number;
  }): Promise<ModelVersionRef | null>;
  /**
   * Calls back after every move and every reconnect. Resolves once listening; read the table after
   * that.
   */
  listen(callback: () => void): Promise<() => Promise<void>>;
}

interface AliasRow {
  readonly epoch: number;
  readonly tenant: Tenant | null;
  readonly model: string;
  readonly alias: AliasName;
  readonly version: number;
  readonly manifest: ArtifactRef;
  readonly isLanguage: boolean;
  /** Only with the alias `challenger`. */
  readonly rolloutId: RolloutId | null;
  readonly step: number | null;
  readonly weight: number | null;
  readonly besides: boolean | null;
  /** Position among the challengers of an A/B rollout. */
  readonly position: number | null;
  readonly isStopped: boolean | null;
  readonly movedSecondsAgo: number | null;
}

/** The whole table. Runs when it is awaited. */
export function selectRoutes(sql: Query): Statement<AliasRow[]> {
  return sql<AliasRow[]>`
    with served as (
      select tenant_id, model, alias, version, null as rollout_id, null::int as step, null::float8 as weight, null::boolean as besides,
        null::int as position, null::boolean as is_stopped, extract(epoch from now() - moved_at)::float8 as moved_seconds_ago
      from model_aliases where alias in ('champion', 'previous')
      union all
      select r.tenant_id, r.model, 'challenger', coalesce(a.version, r.challenger), case when a.version is null or r.weight > 0 then r.id end, r.step,
        case when r.weight > 0 then coalesce(a.share, r.weight) else 0 end, a.version is null and r.status <> 'passed' and (r.paired or r.weight = 0),
        a.position, a.stopped_at is not null, null
      from rollouts r left join rollout_arms a on a.tenant_id = r.tenant_id and a.rollout_id = r.id and a.version <> r.champion
      where r.ended_at is null
    )
    select e.epoch, s.tenant_id as tenant, s.model, s.alias, s.version, v.manifest, v.is_language, s.rollout_id, s.step, s.weight, s.besides, s.position, s.is_stopped, s.moved_seconds_ago
    from routing_epoch e
    left join (served s cross join lateral (
      -- Without an offset the planner reads every version of every model.
      select manifest, signature->>'task' = 'chat' as is_language from model_versions m where m.tenant_id = s.tenant_id and m.model = s.model and m.version = s.version offset 0) v) on true
    order by s.tenant_id, s.model, s.position`;
}

export function createRoutingRepository({ sql, listener }: Database): RoutingRepository {
  return {
    async table() {
      const rows = await selectRoutes(sql);
      const byModel = groupByModel(rows);
      return {
        epoch: rows[0]?.epoch ?? 0,
        models: rows
          .filter((row) => row.tenant !== null && row.alias === 'champion')
          .map((row) => toRoutedModel(row, byModel.get(formatModelKey(row)) ?? [])),
      };
    },

    async version({ tenant, model, version }) {
      const [row] = await sql<Columns<typeof modelVersions, 'manifest'>[]>`
        select manifest from model_versions where tenant_id = ${tenant} and model = ${model} and version = ${version}`;
      return row ? { model, version, manifest: row.manifest } : null;
    },

    listen: (callback) => listener.listen('perennial_routing', () => callback()),
  };
}

/** Searching all rows for each model would take quadratic time. */
function groupByModel(rows: readonly AliasRow[]): ReadonlyMap<string, readonly AliasRow[]> {
  const groups = new Map<string, AliasRow[]>();
  for (const row of rows) {
    const group = groups.get(formatModelKey(row));
    if (group) group.push(row);
    else groups.set(formatModelKey(row), [row]);
  }
  return groups;
}

function formatModelKey({ tenant, model }: Pick<AliasRow, 'tenant' | 'model'>): string {
  return `${tenant ?? ''}/${model}`;
}

function toRoutedModel(champion: AliasRow, rows: readonly AliasRow[]): RoutedModel {
  const { tenant, model, version, manifest, isLanguage } = champion;
  const findRow = (alias: AliasName) => rows.find((row) => row.alias === alias);
  const previous = findRow('previous');
  const challengers = rows.filter((row) => row.alias === 'challenger');
  const [challenger] = challengers;
  const weight = challengers.reduce((sum, row) => sum + (row.weight ?? 0), 0);
  const arms: RoutingArm[] = [
    ...challengers.map((row) => ({
      version: row.version,
      alias: 'challenger' as const,
      weight: row.weight ?? 0,
      manifest: row.manifest,
      ...(row.isStopped === true && { isStopped: true as const }),
    })),
    { version, alias: 'champion', weight: Math.max(0, 1 - weight), manifest },
  ];
  return {
    tenant: tenant as Tenant,
    model,
    isLanguage,
    arms,
    previous: previous
      ? {
          model,
          version: previous.version,
          manifest: previous.manifest,
          keepSeconds: Math.max(0, rollbackReadySeconds - (champion.movedSecondsAgo ?? 0)),
        }
      : null,
    rollout:
      challenger === undefined || challenger.rolloutId === null
        ? null
        : {
            id: challenger.rolloutId,
            step: challenger.step ?? 0,
            besides: challenger.besides ?? false,
          },
  };
}
