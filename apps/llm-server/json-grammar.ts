import { ApiError } from './api-error';

type GrammarSchema = Readonly<Record<string, unknown>>;

/** Keywords without an effect on the value. */
const notes = [
  '$schema',
  '$id',
  '$comment',
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
];
const rules: Readonly<Record<string, readonly string[]>> = {
  object: [
    'type',
    'properties',
    'required',
    'additionalProperties',
    'minProperties',
    'maxProperties',
    '$defs',
  ],
  array: ['type', 'items', 'prefixItems', 'minItems', 'maxItems', '$defs'],
  string: ['type', 'minLength', 'maxLength', 'format'],
  number: ['type'],
  integer: ['type'],
  boolean: ['type'],
  null: ['type'],
};
const formats = ['date-time', 'date', 'time'];
/** Bounds become repetitions in the grammar, which need memory. */
const maxBound = 1_000;
const maxNodes = 500;

/**
 * Convert a JSON Schema for the bindings of llama.cpp. Keywords that a grammar cannot enforce, such
 * as `pattern` and `minimum`, are refused, so that no client relies on them.
 */
export function grammarSchema(schema: GrammarSchema): GrammarSchema {
  let nodes = 0;

  function convert(value: unknown, path: string): GrammarSchema {
    if (++nodes > maxNodes) throw refuseSchema('', `the schema has more than ${maxNodes} parts`);
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw refuseSchema(path, 'is not a schema object');
    const node = Object.fromEntries(
      Object.entries(value).filter(([key]) => !notes.includes(key)),
    ) as GrammarSchema;
    if ('$ref' in node) return reference(node, path);
    const choices = node['oneOf'] ?? node['anyOf'];
    if (choices !== undefined) return alternatives(node, choices, path);
    if ('const' in node)
      return only(node, ['const', 'type'], path, { const: literal(node['const'], path) });
    if ('enum' in node) {
      const values = node['enum'];
      if (!Array.isArray(values) || values.length === 0)
        throw refuseSchema(path, 'enum is not a list of values');
      return only(node, ['enum', 'type'], path, { enum: values.map((one) => literal(one, path)) });
    }
    return ofType(node, path);
  }

  function ofType(node: GrammarSchema, path: string): GrammarSchema {
    const { type } = node;
    if (Array.isArray(type)) {
      return {
        oneOf: type.map((one: unknown) => ofType({ ...onlyFor(one, node), type: one }, path)),
      };
    }
    const allowed = typeof type === 'string' ? rules[type] : undefined;
    if (allowed === undefined)
      throw refuseSchema(
        path,
        type === undefined ? 'has no type' : `${JSON.stringify(type)} is not a type`,
      );
    for (const [key, value] of Object.entries(node))
      if (/^(min|max)/.test(key)) checkBound(key, value, path);
    const format = node['format'];
    if (format !== undefined && !formats.includes(format as string))
      throw refuseSchema(path, `the format ${JSON.stringify(format)} is not supported`);
    const made: Record<string, unknown> = { ...node, ...definitions(node, path) };
    if (node['properties'] !== undefined)
      made['properties'] = mapSchema(node['properties'], `${path}/properties`);
    if (node['items'] !== undefined) made['items'] = convert(node['items'], `${path}/items`);
    if (typeof node['additionalProperties'] === 'object')
      made['additionalProperties'] = convert(
        node['additionalProperties'],
        `${path}/additionalProperties`,
      );
    if (Array.isArray(node['prefixItems']))
      made['prefixItems'] = node['prefixItems'].map((one, index) =>
        convert(one, `${path}/prefixItems/${index}`),
      );
    return only(node, allowed, path, made);
  }

  function alternatives(node: GrammarSchema, choices: unknown, path: string): GrammarSchema {
    if (!Array.isArray(choices) || choices.length === 0)
      throw refuseSchema(path, 'oneOf or anyOf is not a list of schemas');
    return only(node, ['oneOf', 'anyOf', '$defs'], path, {
      oneOf: choices.map((choice, index) => convert(choice, `${path}/oneOf/${index}`)),
      ...definitions(node, path),
    });
  }

  function reference(node: GrammarSchema, path: string): GrammarSchema {
    const name = /^#\/\$defs\/([^/]+)$/.exec(String(node['$ref']))?.[1];
    const known = (schema['$defs'] ?? {}) as GrammarSchema;
    if (name === undefined || !Object.hasOwn(known, name))
      throw refuseSchema(path, `${String(node['$ref'])} is not in the schema's $defs`);
    return only(node, ['$ref'], path, { $ref: node['$ref'] });
  }

  /** Only at the root, where references point. */
  function definitions(node: GrammarSchema, path: string): GrammarSchema {
    if (node['$defs'] === undefined) return {};
    if (path !== '') throw refuseSchema(path, '$defs belong at the root of the schema');
    return { $defs: mapSchema(node['$defs'], '/$defs') };
  }

  function mapSchema(value: unknown, path: string): GrammarSchema {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw refuseSchema(path, 'is not an object of schemas');
    return Object.fromEntries(
      Object.entries(value).map(([key, one]) => [key, convert(one, `${path}/${key}`)]),
    );
  }

  return convert(schema, '');
}

function onlyFor(type: unknown, node: GrammarSchema): GrammarSchema {
  const kept = typeof type === 'string' ? rules[type] : undefined;
  return kept === undefined
    ? node
    : Object.fromEntries(Object.entries(node).filter(([key]) => kept.includes(key)));
}

function only(
  node: GrammarSchema,
  allowed: readonly string[],
  path: string,
  made: GrammarSchema,
): GrammarSchema {
  const other = Object.keys(node).find((key) => !allowed.includes(key));
  if (other !== undefined)
    throw refuseSchema(path, `${other} cannot be enforced during generation`);
  return made;
}

function literal(value: unknown, path: string): unknown {
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return value;
  throw refuseSchema(path, 'const and enum must be texts, numbers, true, false or null');
}

function checkBound(key: string, value: unknown, path: string): void {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= maxBound) return;
  throw refuseSchema(path, `${key} is not a whole number from 0 to ${maxBound}`);
}

function refuseSchema(path: string, message: string): ApiError {
  return new ApiError(400, `response_format.json_schema.schema${path}: ${message}`, {
    code: 'invalid_json_schema',
    param: 'response_format.json_schema.schema',
  });
}
