import { nearest } from '../../../domain/document/nearest';
import type { RequestValue } from './column-values';
import type { RequestIssue } from './request-issue';
import {
  expectation,
  describeKind,
  maxIssues,
  record,
  shortenText,
  type Field,
} from './request-tensor';

export interface RowsInput {
  /** What the request has as `rows`. */
  readonly rows: unknown;
  readonly fields: ReadonlyMap<string, Field>;
  readonly model: string;
  readonly maxRows: number;
  /** Receives each error with its row and column. */
  readonly issues: RequestIssue[];
}

/**
 * Read rows of JSON objects with one key per column. A missing key is an error, so that a misspelt
 * column does not count as missing; null is missing.
 */
export function decodeRows({ rows, fields, model, maxRows, issues }: RowsInput): {
  readonly given: ReadonlyMap<string, readonly RequestValue[]>;
  readonly rowCount: number;
} {
  const nothing = { given: new Map<string, readonly RequestValue[]>(), rowCount: -1 };
  if (!Array.isArray(rows)) {
    issues.push({
      pointer: '/rows',
      detail: `\`rows\` is ${describeKind(rows)}; expected an array of JSON objects, one per row`,
    });
    return nothing;
  }
  if (rows.length > maxRows) {
    issues.push({
      refusal: null,
      pointer: '/rows',
      detail: `the request has ${rows.length} rows; the limit is ${maxRows} rows per request`,
    });
    return nothing;
  }
  const given = new Map<string, RequestValue[]>();
  for (const [name, { required }] of fields)
    if (required) given.set(name, new Array<RequestValue>(rows.length).fill(null));
  for (let index = 0; index < rows.length && issues.length < maxIssues; index += 1) {
    const pointer = `/rows/${index}`;
    const row = record(rows[index]);
    if (row === null) {
      issues.push({
        pointer,
        detail: `row ${index} is ${describeKind(rows[index])}; expected a JSON object with one key per column`,
      });
      continue;
    }
    for (const [name, value] of Object.entries(row)) {
      if (issues.length >= maxIssues) break;
      const field = fields.get(name);
      const decoded = field?.decode(value);
      if (field === undefined) issues.push(unknownKey(name, pointer, fields, model));
      else if (decoded === undefined) {
        const expected = expectation[field.column.type];
        issues.push({
          refusal: { reason: 'wrong-type', column: name },
          pointer: `${pointer}/${name}`,
          detail: `\`${name}\` of row ${index} is ${describeKind(value)}; expected ${expected}`,
        });
      } else openColumn(given, name, rows.length)[index] = decoded;
    }
    for (const [name, { required, column }] of fields) {
      if (!required || Object.hasOwn(row, name)) continue;
      issues.push({
        refusal: { reason: 'missing', column: name },
        pointer,
        detail: `row ${index} has no \`${name}\`; expected ${expectation[column.type]}`,
      });
    }
  }
  return { given, rowCount: rows.length };
}

/** The entity and time columns are optional, so they are columns only if a row has them. */
function openColumn(
  given: Map<string, RequestValue[]>,
  name: string,
  rows: number,
): RequestValue[] {
  const known = given.get(name);
  if (known !== undefined) return known;
  const column = new Array<RequestValue>(rows).fill(null);
  given.set(name, column);
  return column;
}

function unknownKey(
  name: string,
  pointer: string,
  fields: ReadonlyMap<string, Field>,
  model: string,
): RequestIssue {
  const near = nearest(name, [...fields.keys()]);
  const hint =
    near === null
      ? `the columns are ${[...fields.keys()].join(', ')}`
      : `did you mean \`${near}\`?`;
  return {
    refusal: { reason: 'unknown', column: null },
    pointer,
    detail: `\`${shortenText(name)}\` is not a request column of ${model}; ${hint}`,
    ...(near !== null && { didYouMean: near }),
  };
}
