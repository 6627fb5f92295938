import type { ArtifactRef } from './artifact';

/**
 * Perennial's logical column types; each has one Parquet, DuckDB, ONNX and Open Inference Protocol
 * form.
 */
export type ColumnType = 'string' | 'integer' | 'number' | 'boolean' | 'timestamp';

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
}

/** The bytes behind a dataset version's digest: canonical JSON of this. */
export interface DatasetManifest {
  readonly dataset: string;
  readonly columns: readonly Column[];
  readonly rows: number;
  /** Parquet, in order. */
  readonly files: readonly ArtifactRef[];
}

/** An immutable, content-addressed state of a named table. Identity is `manifest.digest`. */
export interface DatasetVersionRef {
  readonly dataset: string;
  readonly version: number;
  readonly manifest: ArtifactRef;
  readonly rows: number;
}

/**
 * The dataset that a table of a lifecycle becomes: a source by its name, or what the lifecycle
 * makes of its sources. The `orders` of another lifecycle are other orders, with versions, aliases
 * and a history of their own.
 */
export function datasetName(lifecycle: string, table: string): string {
  return `${lifecycle}.${table}`;
}

/**
 * Tables that assembly makes. Their hyphens keep them apart from sources, whose names have none.
 */
export const requestRows = 'request-rows';
export const holdoutRows = 'holdout-rows';

/** Half-open in event time, RFC 3339 UTC. */
export interface TimeWindow {
  readonly from: string;
  readonly until: string;
}
