/**
 * Types for the calls of LanceDB and Apache Arrow that are used here. Both are installed on first
 * use, so their own types cannot be imported.
 */
import { requireFromLlmRuntime } from '../language/runtime-module';

export interface LanceDb {
  /** The session must be an option; LanceDB ignores the third argument of its documentation. */
  connect(
    uri: string,
    options: {
      readonly storageOptions?: Readonly<Record<string, string>>;
      readonly session?: LanceSession;
    },
  ): Promise<LanceConnection>;
  /** The sizes of the caches for indexes and for metadata, in bytes. */
  readonly Session: new (indexCacheBytes: bigint, metadataCacheBytes: bigint) => LanceSession;
  readonly Index: {
    ivfFlat(options: { readonly distanceType: 'cosine'; readonly numPartitions: number }): unknown;
    ivfPq(options: {
      readonly distanceType: 'cosine';
      readonly numPartitions: number;
      readonly numSubVectors: number;
    }): unknown;
    hnswSq(options: { readonly distanceType: 'cosine'; readonly numPartitions: number }): unknown;
    btree(): unknown;
    fts(options: {
      readonly language: string;
      readonly stem: boolean;
      readonly removeStopWords: boolean;
      readonly asciiFolding: boolean;
      readonly withPosition: boolean;
    }): unknown;
  };
}

export interface LanceSession {
  /** The size of everything in its caches. */
  sizeBytes(): bigint;
}

export interface LanceConnection {
  tableNames(): Promise<string[]>;
  createEmptyTable(
    name: string,
    schema: ArrowSchema,
    options: { readonly mode: 'create'; readonly existOk: boolean },
  ): Promise<LanceTable>;
  openTable(name: string): Promise<LanceTable>;
  dropTable(name: string): Promise<void>;
  close(): void;
}

export interface LanceTable {
  schema(): Promise<ArrowSchema>;
  add(data: ArrowTable): Promise<{ readonly version: number }>;
  delete(predicate: string): Promise<{ readonly version: number }>;
  mergeInsert(on: string): LanceMerge;
  countRows(filter?: string): Promise<number>;
  createIndex(
    column: string,
    options: { readonly config: unknown; readonly replace: boolean },
  ): Promise<void>;
  listIndices(): Promise<
    readonly {
      readonly name: string;
      readonly columns: readonly string[];
      readonly indexType: string;
      readonly indexUuid?: string;
      readonly numIndexedRows?: number;
      readonly sizeBytes?: number;
      readonly numUnindexedRows?: number;
      readonly numSegments?: number;
    }[]
  >;
  dropIndex(name: string): Promise<void>;
  /** Read an index into the session's cache. */
  prewarmIndex(name: string): Promise<void>;
  indexStats(name: string): Promise<{ readonly numUnindexedRows: number } | undefined>;
  listVersions(): Promise<readonly { readonly version: number; readonly timestamp: Date }[]>;
  /** Without `cleanupOlderThan` it deletes states older than a week, even one in use. */
  optimize(options: { readonly cleanupOlderThan: Date }): Promise<unknown>;
  query(): LanceQuery;
  /** Returns the rows in any order. */
  takeRowIds(ids: readonly bigint[]): Pick<LanceQuery, 'select' | 'withRowId' | 'toArray'>;
  version(): Promise<number>;
  checkout(version: number): Promise<void>;
  checkoutLatest(): Promise<void>;
  /** Make the state that is checked out the newest one. */
  restore(): Promise<void>;
  close(): void;
}

export interface LanceMerge {
  whenMatchedUpdateAll(): LanceMerge;
  whenNotMatchedInsertAll(): LanceMerge;
  whenNotMatchedBySourceDelete(options: { readonly where: string }): LanceMerge;
  execute(data: ArrowTable): Promise<{ readonly version: number }>;
}

export interface LanceQuery {
  nearestTo(vector: Float32Array): LanceVectorQuery;
  fullTextSearch(text: string, options: { readonly columns: readonly string[] }): LanceQuery;
  where(predicate: string): LanceQuery;
  select(columns: readonly string[]): LanceQuery;
  /** Adds the column `_rowid`. */
  withRowId(): LanceQuery;
  limit(rows: number): LanceQuery;
  toArray(): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

export interface LanceVectorQuery extends LanceQuery {
  distanceType(type: 'cosine'): LanceVectorQuery;
  nprobes(partitions: number): LanceVectorQuery;
  refineFactor(factor: number): LanceVectorQuery;
  /** The number of candidates in a search of an HNSW graph. */
  ef(candidates: number): LanceVectorQuery;
  bypassVectorIndex(): LanceVectorQuery;
}

export interface ArrowSchema {
  readonly fields: readonly { readonly name: string; readonly type: ArrowType }[];
  readonly metadata: ReadonlyMap<string, string>;
}

export interface ArrowTable {
  readonly numRows: number;
}

export interface ArrowType {
  /** The size of a fixed-size list. */
  readonly listSize?: number;
}

/** The bytes of a column; opaque here. */
declare const arrowData: unique symbol;
interface ArrowData {
  readonly [arrowData]: true;
}

export interface Arrow {
  readonly Utf8: new () => ArrowType;
  readonly Int32: new () => ArrowType;
  readonly Float32: new () => ArrowType;
  readonly FixedSizeList: new (size: number, field: object) => ArrowType;
  readonly Struct: new (fields: readonly object[]) => ArrowType;
  readonly Field: new (
    name: string,
    type: ArrowType,
    nullable: boolean,
  ) => { readonly name: string; readonly type: ArrowType };
  readonly Schema: new (
    fields: readonly { readonly name: string; readonly type: ArrowType }[],
    metadata: ReadonlyMap<string, string>,
  ) => ArrowSchema;
  readonly RecordBatch: new (schema: ArrowSchema, data: ArrowData) => object;
  readonly Table: new (batches: readonly object[]) => ArrowTable;
  readonly makeData: (of: {
    readonly type: ArrowType;
    readonly length: number;
    readonly nullCount: number;
    readonly data?: Int32Array | Float32Array;
    readonly child?: ArrowData;
    readonly children?: readonly ArrowData[];
  }) => ArrowData;
  readonly vectorFromArray: (
    values: readonly (string | null)[],
    type: ArrowType,
  ) => { readonly data: readonly ArrowData[] };
}

export function lanceDb(): LanceDb {
  return requireFromLlmRuntime('@lancedb/lancedb') as LanceDb;
}

export function arrow(): Arrow {
  return requireFromLlmRuntime('apache-arrow') as Arrow;
}
