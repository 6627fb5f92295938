import type { ArtifactRef } from '../../domain/artifact';
import type { Tenant } from '../../domain/ids';
import type { AliasName, ModelVersionRef } from '../../domain/model';
import type { Database } from '../connection';

export interface RoutingArm {
  readonly version: number;
  readonly alias: AliasName;
  /** Share of entities, 0–1; an arm with 0 is loaded but gets no traffic. */
  readonly weight: number;
  readonly manifest: ArtifactRef;
}

export interface RoutedModel {
  readonly tenant: Tenant;
  readonly model: string;
  readonly arms: readonly RoutingArm[];
  /** Where a rollback would go: worth keeping loaded. */
  readonly previous: ModelVersionRef | null;
}

export interface RoutingTable {
  readonly epoch: number;
  /** Models with a champion. */
  readonly models: readonly RoutedModel[];
}

export interface RoutingRepository {
  /** One snapshot: epoch and arms belong together. */
  table(): Promise<RoutingTable>;
  version(input: { readonly tenant: Tenant; readonly model: string; readonly version: number }): Promise<ModelVersionRef | null>;
  /** Calls back after every move, and when the connection came back. Resolves once listening; read the table after that. */
  listen(callback: () => void): Promise<() => Promise<void>>;
}

interface AliasRow {
  readonly epoch: number;
  readonly tenant: Tenant | null;
  readonly model: string;
  readonly alias: AliasName;
  readonly version: number;
  readonly manifest: ArtifactRef;
}

export function createRoutingRepository({ sql, listener }: Database): RoutingRepository {
  return {
    async table() {
      const rows = await sql<AliasRow[]>`
        select e.epoch, a.tenant_id as tenant, a.model, a.alias, a.version, v.manifest from routing_epoch e
        left join (model_aliases a join model_versions v on v.tenant_id = a.tenant_id and v.model = a.model and v.version = a.version)
          on a.alias in ('champion', 'previous')
        order by a.tenant_id, a.model`;
      return {
        epoch: rows[0]?.epoch ?? 0,
        models: rows.filter((row) => row.tenant !== null && row.alias === 'champion').map((row) => routed(row, rows)),
      };
    },

    async version({ tenant, model, version }) {
      const [row] = await sql<{ manifest: ArtifactRef }[]>`
        select manifest from model_versions where tenant_id = ${tenant} and model = ${model} and version = ${version}`;
      return row ? { model, version, manifest: row.manifest } : null;
    },

    listen: (callback) => listener.listen('perennial_routing', () => callback()),
  };
}

function routed(champion: AliasRow, rows: readonly AliasRow[]): RoutedModel {
  const { tenant, model, version, manifest } = champion;
  const previous = rows.find((row) => row.tenant === tenant && row.model === model && row.alias === 'previous');
  return {
    tenant: tenant as Tenant,
    model,
    arms: [{ version, alias: 'champion', weight: 1, manifest }],
    previous: previous ? { model, version: previous.version, manifest: previous.manifest } : null,
  };
}
