import type { ArtifactRef } from '../artifact';

/** Column types. Each has one form in Parquet, DuckDB, ONNX and the Open Inference Protocol. */
export type ColumnType = 'string' | 'integer' | 'number' | 'boolean' | 'timestamp';

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
}

/** A dataset version's digest is over the canonical JSON of this. */
export interface DatasetManifest {
  readonly dataset: string;
  readonly columns: readonly Column[];
  readonly rows: number;
  /** Parquet, in order. */
  readonly files: readonly ArtifactRef[];
}

/** An immutable state of a dataset, identified by `manifest.digest`. */
export interface DatasetVersionRef {
  readonly dataset: string;
  readonly version: number;
  readonly manifest: ArtifactRef;
  readonly rows: number;
}

/** The dataset of a lifecycle's table, such as `shop.orders`. Lifecycles do not share datasets. */
export function datasetName(lifecycle: string, table: string): string {
  return `${lifecycle}.${table}`;
}

/** Tables that assembly makes. Names of sources have no hyphens, so they cannot collide. */
export const requestRows = 'request-rows';
export const holdoutRows = 'holdout-rows';

/** Half-open in event time, RFC 3339 UTC. */
export interface TimeWindow {
  readonly from: string;
  readonly until: string;
}
