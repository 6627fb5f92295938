/**
 * The calls of LanceDB and Apache Arrow that are used here. They are fetched on first use, so their
 * own types are not there to import.
 */
import { requireFromLlmRuntime } from '../language/runtime-module';

export interface LanceDb {
  /**
   * The session is an option: the third argument that the documentation has for it is not looked
   * at.
   */
  connect(
    uri: string,
    options: {
      readonly storageOptions?: Readonly<Record<string, string>>;
      readonly session?: LanceSession;
    },
  ): Promise<LanceConnection>;
  /** Caches of indexes, and of what tables and files say of themselves, in bytes. */
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
  /** Of all that is in its caches. */
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
  /** Reads an index into the session's cache. */
  prewarmIndex(name: string): Promise<void>;
  indexStats(name: string): Promise<{ readonly numUnindexedRows: number } | undefined>;
  listVersions(): Promise<readonly { readonly version: number; readonly timestamp: Date }[]>;
  /**
   * Without `cleanupOlderThan` states of more than a week go, also the one that questions are
   * answered from.
   */
  optimize(options: { readonly cleanupOlderThan: Date }): Promise<unknown>;
  query(): LanceQuery;
  /** In any order. */
  takeRowIds(ids: readonly bigint[]): Pick<LanceQuery, 'select' | 'withRowId' | 'toArray'>;
  version(): Promise<number>;
  checkout(version: number): Promise<void>;
  checkoutLatest(): Promise<void>;
  /** What is checked out becomes the newest state. */
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
  /** As the column `_rowid`. */
  withRowId(): LanceQuery;
  limit(rows: number): LanceQuery;
  toArray(): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

export interface LanceVectorQuery extends LanceQuery {
  distanceType(type: 'cosine'): LanceVectorQuery;
  nprobes(partitions: number): LanceVectorQuery;
  refineFactor(factor: number): LanceVectorQuery;
  /** Candidates that a walk through an HNSW graph keeps. */
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
  /** Of a list of fixed size. */
  readonly listSize?: number;
}

/** A column's bytes; only Arrow looks inside. */
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
