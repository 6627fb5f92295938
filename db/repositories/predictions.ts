import type { PredictionId, Tenant } from '../../domain/ids';

export interface PredictionRow {
  readonly tenant: Tenant;
  /** `pred_…` of `newId`: its time orders it. */
  readonly id: PredictionId;
  readonly receivedAt: string;
  readonly model: string;
  readonly version: number;
  readonly arm: string;
  readonly entity: string | null;
  readonly eventTime: string | null;
  readonly input: unknown;
  readonly output: unknown;
  readonly latencyMs: number;
  readonly shadow: boolean;
}

export interface PredictionRecord extends PredictionRow {
  readonly label: unknown;
  readonly labelledAt: string | null;
}

export interface PredictionRepository {
  /** One statement a batch; rows already there are skipped, feedback that waited for them is joined. Number of new rows. */
  insert(rows: readonly PredictionRow[]): Promise<number>;
  /** Makes yesterday's, today's and the next `days` days' partitions. Rows that meanwhile fell into the default partition are moved to theirs. */
  ensurePartitions(input: { readonly days: number }): Promise<readonly string[]>;
  /** Drops every partition wholly before this day (`YYYY-MM-DD`, UTC); names dropped. */
  dropBefore(day: string): Promise<readonly string[]>;
  get(input: { readonly tenant: Tenant; readonly id: PredictionId }): Promise<PredictionRecord | null>;
}
