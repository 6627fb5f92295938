import type { Digest } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import { arrow, type ArrowSchema, type ArrowTable } from './lancedb';

/** A chunk as it is stored. */
export interface ChunkRow {
  /** `<document>#<ordinal>`: unique in a table. */
  readonly chunkId: string;
  readonly documentId: string;
  /** The digest of the embedded text. Equal texts have equal vectors of one embedder. */
  readonly digest: Digest;
  /** The part of the build that wrote it; negative for later changes. */
  readonly shard: number;
  readonly ordinal: number;
  readonly start: number;
  readonly end: number;
  readonly title: string | null;
  readonly heading: string | null;
  readonly source: string | null;
  readonly text: string;
  readonly vector: Float32Array;
}

/** The vector space of a table. It is in the table's metadata, independent of the registry. */
export interface TableSpace {
  readonly embedder: Digest;
  readonly dimensions: number;
}

/** Selects the first chunk of each document, to count documents. */
export const firstChunks = 'ordinal = 0';

const texts = ['chunk_id', 'document_id', 'digest', 'title', 'heading', 'source', 'text'] as const;
const numbers = ['shard', 'ordinal', 'start', 'end'] as const;
const embedderKey = 'perennial.embedder';

export function buildSchema({ embedder, dimensions }: TableSpace): ArrowSchema {
  const { Schema, Field, Utf8, Int32, Float32, FixedSizeList } = arrow();
  const nullable = new Set<string>(['title', 'heading', 'source']);
  return new Schema(
    [
      ...texts.map((name) => new Field(name, new Utf8(), nullable.has(name))),
      ...numbers.map((name) => new Field(name, new Int32(), false)),
      new Field(
        'vector',
        new FixedSizeList(dimensions, new Field('item', new Float32(), true)),
        false,
      ),
    ],
    new Map([[embedderKey, embedder]]),
  );
}

/** The vector space of a table; null when the table has no such metadata. */
export function readSpace(schema: ArrowSchema): TableSpace | null {
  const embedder = schema.metadata.get(embedderKey);
  const dimensions = schema.fields.find(({ name }) => name === 'vector')?.type.listSize;
  return embedder === undefined || dimensions === undefined
    ? null
    : { embedder: embedder as Digest, dimensions };
}

/**
 * One record batch with all vectors in one buffer, which is ten times faster than objects. The
 * library would silently accept vectors of the wrong length, so they are checked here.
 */
export function toArrow(rows: readonly ChunkRow[], space: TableSpace): ArrowTable {
  const { makeData, vectorFromArray, RecordBatch, Table, Struct, Utf8, Int32, Float32 } = arrow();
  const schema = buildSchema(space);
  const length = rows.length;
  const column = (values: readonly (string | null)[]) => {
    const [data] = vectorFromArray(values, new Utf8()).data;
    if (data === undefined) throw new TypeError('Arrow returned no data for a column');
    return data;
  };
  const whole = (values: readonly number[]) =>
    makeData({ type: new Int32(), length, nullCount: 0, data: Int32Array.from(values) });
  const flat = flatVectors(rows, space.dimensions);
  const listType = schema.fields.at(-1)?.type ?? new Float32();
  const children = [
    column(rows.map(({ chunkId }) => chunkId)),
    column(rows.map(({ documentId }) => documentId)),
    column(rows.map(({ digest }) => digest)),
    column(rows.map(({ title }) => title)),
    column(rows.map(({ heading }) => heading)),
    column(rows.map(({ source }) => source)),
    column(rows.map(({ text }) => text)),
    ...(['shard', 'ordinal', 'start', 'end'] as const).map((name) =>
      whole(rows.map((row) => row[name])),
    ),
    makeData({
      type: listType,
      length,
      nullCount: 0,
      child: makeData({ type: new Float32(), length: flat.length, nullCount: 0, data: flat }),
    }),
  ];
  return new Table([
    new RecordBatch(
      schema,
      makeData({ type: new Struct(schema.fields), length, nullCount: 0, children }),
    ),
  ]);
}

function flatVectors(rows: readonly ChunkRow[], dimensions: number): Float32Array {
  const flat = new Float32Array(rows.length * dimensions);
  rows.forEach(({ vector, chunkId }, index) => {
    checkVector(vector, dimensions, `chunk ${chunkId}`);
    flat.set(vector, index * dimensions);
  });
  return flat;
}

/**
 * @throws IndexMismatch for a vector of the wrong length, or one for which cosine is undefined: not
 *   finite, or zero
 */
export function checkVector(vector: Float32Array, dimensions: number, what: string): void {
  if (vector.length !== dimensions)
    throw failure(
      'IndexMismatch',
      `the vector of ${what} has ${vector.length} dimensions; the index has ${dimensions}`,
    );
  let squares = 0;
  for (const value of vector) squares += value * value;
  if (!Number.isFinite(squares) || squares === 0)
    throw failure('IndexMismatch', `the vector of ${what} is zero or not finite`);
}
