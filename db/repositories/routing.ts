import type { ArtifactRef } from '../../domain/artifact';
import type { Tenant } from '../../domain/ids';
import type { AliasName, ModelVersionRef } from '../../domain/model';

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
