/** The columns that a batch prediction reads and writes. */
import type { Column, ColumnType } from '../dataset/dataset';
import { failure } from '../failure';
import type { ModelSignature } from '../model/model';

/** A request column of the model, and the type of the input's column with its name. */
export interface BatchColumn extends Column {
  readonly from: ColumnType;
}

/** By the type that the model reads: the types of an input column that may have fitting values. */
const readable: Readonly<Record<ColumnType, readonly ColumnType[]>> = {
  string: ['string'],
  integer: ['integer', 'number'],
  number: ['number', 'integer'],
  boolean: ['boolean'],
  timestamp: ['timestamp', 'string'],
};

/**
 * Pairs each request column of the model with the column of the input.
 * @throws InvalidInput with every column that is missing or has another type
 */
export function readColumns(
  { request }: Pick<ModelSignature, 'request'>,
  { name, columns }: { readonly name: string; readonly columns: readonly Column[] },
): readonly BatchColumn[] {
  const types = new Map(columns.map((column) => [column.name, column.type]));
  const problems: string[] = [];
  const read: BatchColumn[] = [];
  for (const column of request) {
    const from = types.get(column.name);
    if (from === undefined) problems.push(`\`${column.name}\` (${column.type}) is missing`);
    else if (!readable[column.type].includes(from))
      problems.push(`\`${column.name}\` is ${from} instead of ${column.type}`);
    else read.push({ ...column, from });
  }
  if (problems.length > 0)
    throw failure(
      'InvalidInput',
      `${name} does not fit the features of the model: ${problems.join(', ')}`,
      { next: `perennial dataset show ${name.split('@')[0] ?? name}` },
    );
  return read;
}

export const rowNumber = 'row';
export const modelVersionColumn = 'model_version';

/** Columns of the output with the scores, in order. A multiclass model has a class as well. */
export function scoreColumns({ classes }: Pick<ModelSignature, 'classes'>): readonly Column[] {
  if (classes === undefined) return [{ name: 'score', type: 'number' }];
  const names: string[] = [];
  for (const each of classes) {
    const name = `probability_${each}`;
    // DuckDB compares names of columns without case.
    const isTaken = names.some((known) => known.toLowerCase() === name.toLowerCase());
    names.push(isTaken ? `${name}_${names.length}` : name);
  }
  return [
    { name: 'class', type: 'string' },
    ...names.map((name) => ({ name, type: 'number' as const })),
  ];
}

/**
 * Columns of the input that the output repeats: the given ones, or the model's entity and time.
 * @throws InvalidInput when the input lacks one, or its name is one that the output needs
 */
export function keyColumns(
  signature: Pick<ModelSignature, 'entity' | 'time' | 'classes'>,
  keys: readonly string[] | undefined,
  { name, columns }: { readonly name: string; readonly columns: readonly Column[] },
): readonly Column[] {
  const wanted =
    keys ??
    [signature.entity, signature.time].filter(
      (key): key is string => key !== null && columns.some((column) => column.name === key),
    );
  const own = [
    rowNumber,
    modelVersionColumn,
    ...scoreColumns(signature).map((column) => column.name),
  ];
  return [...new Set(wanted)].map((key) => {
    const column = columns.find((each) => each.name === key);
    if (!column)
      throw failure('InvalidInput', `${name} has no column \`${key}\`, which --key names`, {
        next: `perennial dataset show ${name.split('@')[0] ?? name}`,
      });
    if (own.some((taken) => taken.toLowerCase() === key.toLowerCase()))
      throw failure(
        'InvalidInput',
        `the column \`${key}\` of ${name} has the name of a column of the predictions`,
        { next: 'choose the columns that the predictions repeat: --key COLUMN' },
      );
    return column;
  });
}

/** All columns of the output, in order. */
export function outputColumns(
  signature: Pick<ModelSignature, 'classes'>,
  keys: readonly Column[],
): readonly Column[] {
  return [
    { name: rowNumber, type: 'integer' },
    ...keys,
    ...scoreColumns(signature),
    { name: modelVersionColumn, type: 'integer' },
  ];
}
