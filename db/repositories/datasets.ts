import type { ArtifactRef } from '../../domain/artifact';
import type { Column, DatasetVersionRef } from '../../domain/dataset';
import type { RunId, Tenant } from '../../domain/ids';
import type { Page, PageRequest } from '../page';

export type DatasetAlias = 'latest' | 'approved';

export interface DatasetVersionRecord extends DatasetVersionRef {
  readonly columns: readonly Column[];
  readonly statistics: unknown;
  readonly runId: RunId | null;
  readonly createdAt: string;
}

export interface DatasetSummary {
  readonly name: string;
  readonly versions: number;
  readonly latest: number | null;
  readonly approved: number | null;
  readonly createdAt: string;
}

export interface QuarantineRecord {
  readonly id: string;
  readonly dataset: string;
  readonly version: number;
  readonly runId: RunId;
  readonly rows: number;
  /** The bad rows with their reasons. */
  readonly artifact: ArtifactRef;
  /** Reason → rows. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly createdAt: string;
}

export interface DatasetRepository {
  /** The same manifest digest is the same version, whoever registers it. Moves no alias. */
  register(input: {
    readonly tenant: Tenant;
    readonly dataset: string;
    readonly manifest: ArtifactRef;
    readonly rows: number;
    readonly columns: readonly Column[];
    readonly statistics?: unknown;
    readonly runId: RunId | null;
    readonly idempotencyKey: string;
  }): Promise<DatasetVersionRef>;
  /** One transaction with history and audit row. A repeated key gives the first answer. */
  moveAlias(input: {
    readonly tenant: Tenant;
    readonly dataset: string;
    readonly alias: DatasetAlias;
    readonly version: number;
    readonly actor: string;
    readonly cause: string;
    readonly idempotencyKey: string;
  }): Promise<{ readonly from: number | null; readonly to: number; readonly fencing: number }>;
  alias(input: {
    readonly tenant: Tenant;
    readonly dataset: string;
    readonly alias: DatasetAlias;
  }): Promise<(DatasetVersionRef & { readonly fencing: number; readonly movedAt: string }) | null>;
  /** By name. */
  list(input: { readonly tenant: Tenant } & PageRequest): Promise<Page<DatasetSummary>>;
  versions(input: { readonly tenant: Tenant; readonly dataset: string } & PageRequest): Promise<Page<DatasetVersionRecord>>;
  get(input: { readonly tenant: Tenant; readonly dataset: string; readonly version: number }): Promise<DatasetVersionRecord | null>;
  readonly quarantine: {
    /** Once per run and dataset version. */
    put(input: {
      readonly tenant: Tenant;
      readonly dataset: string;
      readonly version: number;
      readonly runId: RunId;
      readonly rows: number;
      readonly artifact: ArtifactRef;
      readonly reasons: Readonly<Record<string, number>>;
    }): Promise<QuarantineRecord>;
    list(input: { readonly tenant: Tenant; readonly dataset: string } & PageRequest): Promise<Page<QuarantineRecord>>;
  };
}
