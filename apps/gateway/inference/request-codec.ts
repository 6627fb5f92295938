import type { ModelSignature } from '../../../domain/model/model';
import { nearest } from '../../../domain/document/nearest';
import { decoders, expectedDatatype, type Decoder, type RequestValue } from './column-values';
import { listOutputNames } from './output-names';
import { refusedRequest, type RequestIssue } from './request-issue';
import { decodeRows } from './request-rows';
import {
  count,
  decodeTensor,
  expectation,
  listFields,
  describeKind,
  record,
  shortenText,
  type Field,
} from './request-tensor';

/** One row as the caller sent it; null is missing. */
export type RequestRow = Record<string, RequestValue>;

export interface InferRequest {
  readonly id: string | null;
  readonly rows: readonly RequestRow[];
  /** One entity per row. */
  readonly entities: readonly (string | null)[];
  readonly eventTimes: readonly (string | null)[];
  /** The names of the requested output tensors. */
  readonly outputs: ReadonlySet<string>;
  /** The outputs that follow the JSON as binary tensors. */
  readonly binaryOutputs: ReadonlySet<string>;
}

export interface RequestCodec {
  /**
   * Parse the body of the Open Inference Protocol V2, or one with `rows` of JSON objects instead of
   * `inputs`. Throws InvalidInput with one issue per error; no issue repeats a value (I11).
   */
  decode(body: unknown): InferRequest;
}

const noOutputs: ReadonlySet<string> = new Set();
/** The longest entity. It is an id, such as a customer number, in every row of the log. */
const maxEntityCharacters = 500;
/** The limit of reported errors, because further ones tend to repeat. */
const maxIssues = 100;

/**
 * Everything that depends on the model alone is computed once here. A request then costs one look-
 * up per tensor and one call per value.
 */
export function compileRequestCodec({
  model,
  signature,
  maxRows,
}: {
  readonly model: string;
  readonly signature: ModelSignature;
  readonly maxRows: number;
}): RequestCodec {
  const fields = listFields(signature);
  const required = [...fields.values()].filter((field) => field.required);
  const { entity, time } = signature;
  const names = listOutputNames(signature.classes);

  function decode(body: unknown): InferRequest {
    const issues: RequestIssue[] = [];
    const request = record(body);
    if (request === null)
      throw refusedRequest([
        {
          pointer: '',
          detail: `the body must be a JSON object with \`inputs\`; got ${describeKind(body)}`,
        },
      ]);
    const { given, rowCount } =
      'rows' in request ? rowsIn(request, issues) : tensorsIn(request, issues);
    if (rowCount === 0)
      issues.push({
        pointer: 'rows' in request ? '/rows' : '/inputs',
        detail: 'the request has no rows',
      });

    const parameters = readParameters(request, issues);
    const entities = perRow(
      entity === null ? undefined : toTexts(given.get(entity)),
      parameters.entity,
      Math.max(0, rowCount),
    );
    if (entities.some((each) => each !== null && each.length > maxEntityCharacters)) {
      issues.push({
        pointer: '/inputs',
        detail: `an entity has more than ${maxEntityCharacters} characters`,
      });
    }
    const { outputs, binaryOutputs } = readOutputs(request, names, issues);
    const id = readId(request, issues);
    if (issues.length > 0) throw refusedRequest(issues);

    return {
      id,
      rows: buildRows(required, given, rowCount),
      entities,
      eventTimes: perRow(
        time === null ? undefined : toTexts(given.get(time)),
        parameters.eventTime,
        rowCount,
      ),
      outputs,
      binaryOutputs,
    };
  }

  function rowsIn(request: Record<string, unknown>, issues: RequestIssue[]): RequestColumns {
    if (request['inputs'] !== undefined) {
      issues.push({
        pointer: '/rows',
        detail: 'the request has both `inputs` and `rows`; send one of them',
      });
    }
    return decodeRows({ rows: request['rows'], fields, model, maxRows, issues });
  }

  function tensorsIn(request: Record<string, unknown>, issues: RequestIssue[]): RequestColumns {
    const inputs = request['inputs'];
    if (!Array.isArray(inputs)) throw refusedRequest([inputsMissing(request, required)]);

    const given = new Map<string, readonly RequestValue[]>();
    let rowCount = -1;
    let firstName = '';
    for (let index = 0; index < inputs.length && issues.length < maxIssues; index += 1) {
      const pointer = `/inputs/${index}`;
      const tensor = record(inputs[index]);
      const name = tensor?.['name'];
      if (tensor === null || typeof name !== 'string') {
        issues.push({
          pointer,
          detail: 'an input must be an object with `name`, `shape`, `datatype` and `data`',
        });
        continue;
      }
      const field = fields.get(name);
      if (field === undefined) {
        issues.push(unknownTensor(name, pointer, fields, model));
        continue;
      }
      if (given.has(name)) {
        issues.push({ pointer, detail: `tensor \`${name}\` is given twice` });
        continue;
      }
      const values = decodeTensor(tensor, field, pointer, maxRows, issues);
      given.set(name, values ?? []);
      if (values === null) continue;
      if (rowCount === -1) {
        rowCount = values.length;
        firstName = name;
      } else if (values.length !== rowCount) {
        issues.push({
          pointer: `${pointer}/shape`,
          detail: `tensor \`${name}\` has ${count(values.length, 'row')} and \`${firstName}\` has ${rowCount}; every tensor must have the same number of rows`,
        });
      }
    }
    for (const field of required) {
      if (!given.has(field.column.name)) issues.push(missingTensor(field));
    }
    if (required.length === 0 && rowCount === -1) rowCount = 1;
    return { given, rowCount };
  }
  return { decode };
}

interface RequestColumns {
  readonly given: ReadonlyMap<string, readonly RequestValue[]>;
  /** -1 when no column could be read. */
  readonly rowCount: number;
}

function buildRows(
  required: readonly Field[],
  given: ReadonlyMap<string, readonly RequestValue[]>,
  rowCount: number,
): RequestRow[] {
  const columns = required.map(({ column: { name } }) => ({ name, values: given.get(name) ?? [] }));
  const rows: RequestRow[] = [];
  for (let index = 0; index < rowCount; index += 1) {
    const row: RequestRow = {};
    for (const { name, values } of columns) row[name] = values[index] ?? null;
    rows.push(row);
  }
  return rows;
}

/** The tensor has one entity per row and takes precedence; the parameter applies to all rows. */
function perRow(
  values: readonly (string | null)[] | undefined,
  common: string | null,
  rowCount: number,
): readonly (string | null)[] {
  if (values !== undefined) return values;
  return rowCount === 1 ? [common] : new Array<string | null>(rowCount).fill(common);
}

function toTexts(
  values: readonly RequestValue[] | undefined,
): readonly (string | null)[] | undefined {
  return values?.map((value) => (value === null ? null : String(value)));
}

function readParameters(
  request: Record<string, unknown>,
  issues: RequestIssue[],
): { readonly entity: string | null; readonly eventTime: string | null } {
  const given = request['parameters'];
  if (given === undefined) return { entity: null, eventTime: null };
  const parameters = record(given);
  if (parameters === null) {
    issues.push({
      pointer: '/parameters',
      detail: `\`parameters\` must be an object; got ${describeKind(given)}`,
    });
    return { entity: null, eventTime: null };
  }
  return {
    entity: readParameter(parameters, 'entity', decoders.string, 'text', issues),
    eventTime: readParameter(
      parameters,
      'event_time',
      decoders.timestamp,
      expectation.timestamp,
      issues,
    ),
  };
}

function readParameter(
  parameters: Record<string, unknown>,
  name: string,
  decode: Decoder,
  expected: string,
  issues: RequestIssue[],
): string | null {
  const given = parameters[name];
  if (given === undefined) return null;
  const value = decode(given);
  if (value === undefined)
    issues.push({
      pointer: `/parameters/${name}`,
      detail: `parameter \`${name}\` is ${describeKind(given)}; expected ${expected}`,
    });
  return typeof value === 'string' ? value : null;
}

function readOutputs(
  request: Record<string, unknown>,
  names: readonly string[],
  issues: RequestIssue[],
): { readonly outputs: ReadonlySet<string>; readonly binaryOutputs: ReadonlySet<string> } {
  const allBinary = record(request['parameters'])?.['binary_data_output'] === true;
  const wanted = request['outputs'];
  const outputNames: ReadonlySet<string> = new Set(names);
  const all = { outputs: outputNames, binaryOutputs: allBinary ? outputNames : noOutputs };
  if (wanted === undefined || (Array.isArray(wanted) && wanted.length === 0)) return all;
  if (!Array.isArray(wanted)) {
    issues.push({
      pointer: '/outputs',
      detail: `\`outputs\` must be an array of objects with \`name\`; got ${describeKind(wanted)}`,
    });
    return all;
  }
  const outputs = new Set<string>();
  const binaryOutputs = new Set<string>();
  wanted.forEach((output: unknown, index) => {
    const given = record(output);
    const name = given?.['name'];
    if (typeof name === 'string' && outputNames.has(name)) {
      outputs.add(name);
      const isBinary = record(given?.['parameters'])?.['binary_data'] ?? allBinary;
      if (isBinary === true) binaryOutputs.add(name);
      return;
    }
    const near = typeof name === 'string' ? nearest(name, [...outputNames]) : null;
    issues.push({
      pointer: `/outputs/${index}`,
      detail: `${typeof name === 'string' ? `\`${shortenText(name)}\` is no output` : 'an output without a name'}; the outputs are ${names.map((each) => `\`${each}\``).join(' and ')}`,
      ...(near !== null && { didYouMean: near }),
    });
  });
  return { outputs, binaryOutputs };
}

function readId(request: Record<string, unknown>, issues: RequestIssue[]): string | null {
  const id = request['id'];
  if (id === undefined || id === null) return null;
  if (typeof id === 'string' && id.length <= 256) return id;
  issues.push({ pointer: '/id', detail: '`id` must be text of at most 256 characters' });
  return null;
}

function inputsMissing(request: Record<string, unknown>, required: readonly Field[]): RequestIssue {
  const near = nearest('inputs', Object.keys(request));
  const tensors = required
    .map(({ column, datatypes }) => `${column.name} (${datatypes[0] ?? ''})`)
    .join(', ');
  return {
    pointer: '/inputs',
    detail: `\`inputs\` ${request['inputs'] === undefined ? 'is missing' : `is ${describeKind(request['inputs'])}`}; expected an array with one tensor for each of ${tensors}, or \`rows\` of JSON objects`,
    ...(near !== null && near !== 'inputs' && { didYouMean: 'inputs' }),
  };
}

function unknownTensor(
  name: string,
  pointer: string,
  fields: ReadonlyMap<string, Field>,
  model: string,
): RequestIssue {
  const near = nearest(name, [...fields.keys()]);
  return {
    refusal: { reason: 'unknown', column: null },
    pointer,
    detail: `tensor \`${shortenText(name)}\` is not a request column of ${model}${near === null ? `; the columns are ${[...fields.keys()].join(', ')}` : `; did you mean \`${near}\`?`}`,
    ...(near !== null && { didYouMean: near }),
  };
}

function missingTensor({ column }: Field): RequestIssue {
  return {
    refusal: { reason: 'missing', column: column.name },
    pointer: '/inputs',
    detail: `tensor \`${column.name}\` is missing; expected datatype ${expectedDatatype[column.type]} and shape [rows, 1]`,
  };
}
