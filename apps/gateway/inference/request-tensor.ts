import type { Column } from '../../../domain/dataset/dataset';
import type { ModelSignature } from '../../../domain/model/model';
import type { RefusalReason } from '../../../domain/serving/refusal';
import {
  datatypesOf,
  decoders,
  expectedDatatype,
  type Decoder,
  type RequestValue,
} from './column-values';
import type { RequestIssue } from './request-issue';

/** An input tensor of the model. */
export interface Field {
  readonly column: Column;
  readonly decode: Decoder;
  readonly datatypes: readonly string[];
  /** Whether features read it. The entity and time columns may be sent without being read. */
  readonly required: boolean;
}

/** By name. */
export function listFields(
  signature: Pick<ModelSignature, 'request' | 'entity' | 'time'>,
): Map<string, Field> {
  const fields = new Map<string, Field>();
  for (const column of signature.request) fields.set(column.name, toField(column, true));
  const { entity, time } = signature;
  if (entity !== null && !fields.has(entity))
    fields.set(entity, toField({ name: entity, type: 'string' }, false));
  if (time !== null && !fields.has(time))
    fields.set(time, toField({ name: time, type: 'timestamp' }, false));
  return fields;
}

function toField(column: Column, required: boolean): Field {
  return { column, required, decode: decoders[column.type], datatypes: datatypesOf[column.type] };
}

/** The validated values of one tensor; null, with errors in `issues`, when it is invalid. */
export function decodeTensor(
  tensor: Record<string, unknown>,
  field: Field,
  pointer: string,
  maxRows: number,
  issues: RequestIssue[],
): RequestValue[] | null {
  const { name } = field.column;
  const { datatype, shape } = tensor;
  const before = issues.length;
  const fail = (at: string, detail: string, reason: RefusalReason = 'malformed'): void => {
    const refusal = { reason, column: reason === 'malformed' ? null : name };
    issues.push({ refusal, pointer: `${pointer}${at}`, detail: `tensor \`${name}\` ${detail}` });
  };
  if (typeof datatype !== 'string' || !field.datatypes.includes(datatype)) {
    const given =
      typeof datatype === 'string' ? `datatype ${shortenText(datatype)}` : 'no datatype';
    fail(
      '/datatype',
      `has ${given}; expected ${expectedDatatype[field.column.type]}`,
      'wrong-type',
    );
  }
  const rows = rowsIn(shape);
  if (rows === null) {
    fail(
      '/shape',
      `has ${Array.isArray(shape) ? `shape ${shortenText(JSON.stringify(shape))}` : 'no shape'}; expected [rows] or [rows, 1]`,
    );
  } else if (rows > maxRows) {
    issues.push({
      refusal: null,
      pointer: `${pointer}/shape`,
      detail: `tensor \`${name}\` has ${rows} rows; the limit is ${maxRows} rows per request`,
    });
  }
  const data = tensor['data'];
  if (!Array.isArray(data)) {
    const binary = record(tensor['parameters'])?.['binary_data_size'] !== undefined;
    fail(
      '/data',
      binary
        ? 'has `binary_data_size` but the request has no binary part; send the header Inference-Header-Content-Length'
        : 'has no `data`; expected a JSON array of values',
    );
    return null;
  }
  if (rows !== null && data.length !== rows)
    fail('/data', `has ${count(data.length, 'value')} for ${count(rows, 'row')}`);
  if (rows === null || issues.length > before) return null;

  const { decode } = field;
  const values: RequestValue[] = [];
  // The first errors are enough to explain a request with 10,000 wrong values.
  for (let row = 0; row < rows && issues.length < maxIssues; row += 1) {
    const raw: unknown = data[row];
    // The protocol permits `[[1], [2]]` and `[1, 2]` for shape [2, 1].
    const value = decode(Array.isArray(raw) && raw.length === 1 ? raw[0] : raw);
    if (value === undefined) {
      fail(
        `/data/${row}`,
        `row ${row} is ${describeKind(raw)}; expected ${expectation[field.column.type]}`,
        'wrong-type',
      );
      values.push(null);
    } else {
      values.push(value);
    }
  }
  return values;
}

export const maxIssues = 100;

export const expectation = {
  string: 'text without U+0000 or a lone surrogate; null when missing',
  integer: 'a whole number within ±9007199254740991; null or "NaN" when missing',
  number: 'a finite number; null or "NaN" when missing',
  boolean: 'true or false; null when missing',
  timestamp:
    'an RFC 3339 time from year 0001 with its offset, such as "2013-07-01T09:00:00Z"; null when missing',
} as const;

function rowsIn(shape: unknown): number | null {
  if (!Array.isArray(shape)) return null;
  const rows: unknown = shape[0];
  if (typeof rows !== 'number' || !Number.isSafeInteger(rows) || rows < 0) return null;
  return shape.length === 1 || (shape.length === 2 && shape[1] === 1) ? rows : null;
}

export function record(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

export function describeKind(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'string') return value === '' ? 'empty text' : 'text';
  if (value === Infinity || value === -Infinity) return 'infinite';
  return `a ${typeof value}`;
}

export function shortenText(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

export function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`;
}
