import type { Digest } from '../../domain/dataset/artifact';
import { failure } from '../../domain/failure';
import { arrow, type ArrowSchema, type ArrowTable } from './lancedb';

/** A chunk as the store holds it. */
export interface ChunkRow {
  /** `<document>#<ordinal>`: unique in a table. */
  readonly chunkId: string;
  readonly documentId: string;
  /** Of the text that was embedded: an equal one of the same embedder has the same vector. */
  readonly digest: Digest;
  /** Which part of the build wrote it; negative for changes that came after it. */
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

/**
 * What a table is for. It stands in the table's own metadata, so that a table which another
 * embedder filled is known whatever the registry says.
 */
export interface TableSpace {
  readonly embedder: Digest;
  readonly dimensions: number;
}

/** The first chunk of each document: so many documents there are. */
export const firstChunks = 'ordinal = 0';

const texts = ['chunk_id', 'document_id', 'digest', 'title', 'heading', 'source', 'text'] as const;
const numbers = ['shard', 'ordinal', 'start', 'end'] as const;
const embedderKey = 'perennial.embedder';

export function schemaOf({ embedder, dimensions }: TableSpace): ArrowSchema {
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

/** Null when the table was not made here. */
export function spaceOf(schema: ArrowSchema): TableSpace | null {
  const embedder = schema.metadata.get(embedderKey);
  const dimensions = schema.fields.find(({ name }) => name === 'vector')?.type.listSize;
  return embedder === undefined || dimensions === undefined
    ? null
    : { embedder: embedder as Digest, dimensions };
}

/**
 * One record batch with all vectors in one buffer: ten times quicker than objects, from which the
 * library would also take a vector of another length without a word. So lengths and numbers are
 * looked at here.
 */
export function toArrow(rows: readonly ChunkRow[], space: TableSpace): ArrowTable {
  const { makeData, vectorFromArray, RecordBatch, Table, Struct, Utf8, Int32, Float32 } = arrow();
  const schema = schemaOf(space);
  const length = rows.length;
  const column = (values: readonly (string | null)[]) => {
    const [data] = vectorFromArray(values, new Utf8()).data;
    if (data === undefined) throw new TypeError('Arrow made no data of a column');
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
 * @throws IndexMismatch for a vector of another length, or one that is not of numbers or has no
 *   direction: cosine says nothing about it
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
    throw failure('IndexMismatch', `the vector of ${what} is not a direction in space`);
}
