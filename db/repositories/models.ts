import type { ArtifactRef } from '../../domain/artifact';
import type { RunId, Tenant } from '../../domain/ids';
import type { ModelSignature, ModelVersionRef, ModelVersionStatus } from '../../domain/model';
import type { Page, PageRequest } from '../page';

export interface ModelVersionRecord extends ModelVersionRef {
  readonly status: ModelVersionStatus;
  readonly signature: ModelSignature;
  readonly metrics: Readonly<Record<string, number>>;
  readonly runId: RunId;
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
  /** Each key makes one version (`candidate`), numbered from 1 without gaps. */
  register(input: {
    readonly tenant: Tenant;
    readonly model: string;
    readonly runId: RunId;
    readonly manifest: ArtifactRef;
    readonly signature: ModelSignature;
    readonly metrics?: Readonly<Record<string, number>> | undefined;
    readonly idempotencyKey: string;
  }): Promise<ModelVersionRef>;
  /** `rejected` or `withdrawn`, with audit row; Conflict for a version that an alias points at. `promoted` is set by promotion alone. */
  setStatus(input: {
    readonly tenant: Tenant;
    readonly model: string;
    readonly version: number;
    readonly status: 'rejected' | 'withdrawn';
    readonly cause: string;
    readonly actor?: string | undefined;
  }): Promise<ModelVersionRecord>;
  get(input: { readonly tenant: Tenant; readonly model: string; readonly version: number }): Promise<ModelVersionRecord | null>;
  /** By name. */
  list(input: { readonly tenant: Tenant } & PageRequest): Promise<Page<ModelSummary>>;
  versions(input: { readonly tenant: Tenant; readonly model: string } & PageRequest): Promise<Page<ModelVersionRecord>>;
}
