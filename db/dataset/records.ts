import type { ArtifactRef } from '../../domain/artifact';
import type { Column, DatasetVersionRef } from '../../domain/dataset/dataset';
import type { RunId, Tenant } from '../../domain/ids';
import type { Page, PageRequest } from '../page';
import type { HeldClaim } from '../run/guard';

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
  /** The rejected rows with their reasons. */
  readonly artifact: ArtifactRef;
  /** Number of rows by reason. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly createdAt: string;
}

export interface DatasetRepository {
  /**
   * Registers a version, or returns the existing one with the same manifest digest. Moves no alias.
   */
  register(input: {
    readonly tenant: Tenant;
    readonly dataset: string;
    readonly manifest: ArtifactRef;
    readonly rows: number;
    readonly columns: readonly Column[];
    readonly statistics?: unknown;
    readonly runId: RunId | null;
    readonly claim?: HeldClaim | undefined;
    readonly idempotencyKey: string;
  }): Promise<DatasetVersionRef>;
  /**
   * Moves an alias with history and audit row in one transaction. A repeated key returns the first
   * answer.
   */
  moveAlias(input: {
    readonly tenant: Tenant;
    readonly dataset: string;
    readonly alias: DatasetAlias;
    readonly version: number;
    readonly runId?: RunId | undefined;
    readonly claim?: HeldClaim | undefined;
    readonly actor: string;
    readonly cause: string;
    readonly idempotencyKey: string;
  }): Promise<{ readonly from: number | null; readonly to: number; readonly fencing: number }>;
  alias(input: {
    readonly tenant: Tenant;
    readonly dataset: string;
    readonly alias: DatasetAlias;
  }): Promise<(DatasetVersionRef & { readonly fencing: number; readonly movedAt: string }) | null>;
  /**
   * Undoes the alias moves of a run. An alias whose latest move was made by `run:<runId>` returns
   * to its version before those moves; other aliases stay. Returns the restored aliases as
   * `dataset@alias`.
   */
  restoreAliases(input: {
    readonly tenant: Tenant;
    readonly runId: RunId;
    readonly idempotencyKey: string;
  }): Promise<readonly string[]>;
  /** Sorted by name. */
  list(input: { readonly tenant: Tenant } & PageRequest): Promise<Page<DatasetSummary>>;
  versions(
    input: { readonly tenant: Tenant; readonly dataset: string } & PageRequest,
  ): Promise<Page<DatasetVersionRecord>>;
  get(input: {
    readonly tenant: Tenant;
    readonly dataset: string;
    readonly version: number;
  }): Promise<DatasetVersionRecord | null>;
  readonly quarantine: {
    /** Stores one record per run and dataset version. */
    put(input: {
      readonly tenant: Tenant;
      readonly dataset: string;
      readonly version: number;
      readonly runId: RunId;
      readonly rows: number;
      readonly artifact: ArtifactRef;
      readonly reasons: Readonly<Record<string, number>>;
      readonly claim?: HeldClaim | undefined;
    }): Promise<QuarantineRecord>;
    list(
      input: { readonly tenant: Tenant; readonly dataset: string } & PageRequest,
    ): Promise<Page<QuarantineRecord>>;
    /**
     * Returns a record to a person who will read `rows` of its rows, and writes an audit row
     * because they are personal data. Null, without an audit row, when there is none.
     */
    inspect(input: {
      readonly tenant: Tenant;
      readonly dataset: string;
      readonly id: string;
      readonly rows: number;
      readonly actor: string;
    }): Promise<QuarantineRecord | null>;
  };
}
