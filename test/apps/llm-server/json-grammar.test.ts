import { grammarSchema } from '../../../apps/llm-server/json-grammar';

describe('a JSON Schema that a grammar enforces', () => {
  test.each([
    [
      'annotations',
      { type: 'string', title: 'x', description: 'y', default: 'z', $schema: 's' },
      { type: 'string' },
    ],
    [
      'anyOf as oneOf',
      { anyOf: [{ type: 'string' }, { type: 'null' }] },
      { oneOf: [{ type: 'string' }, { type: 'null' }] },
    ],
    [
      'types in a list',
      { type: ['integer', 'null'] },
      { oneOf: [{ type: 'integer' }, { type: 'null' }] },
    ],
    [
      'nested schemas',
      {
        type: 'object',
        properties: { a: { type: 'array', items: { enum: [1, 'b'] }, maxItems: 3 } },
        required: ['a'],
        additionalProperties: false,
      },
      {
        type: 'object',
        properties: { a: { type: 'array', items: { enum: [1, 'b'] }, maxItems: 3 } },
        required: ['a'],
        additionalProperties: false,
      },
    ],
    [
      'references to $defs',
      { $defs: { n: { type: 'integer' } }, type: 'array', items: { $ref: '#/$defs/n' } },
      { $defs: { n: { type: 'integer' } }, type: 'array', items: { $ref: '#/$defs/n' } },
    ],
  ])('keeps or translates %s', (_what, schema, expected) => {
    expect(grammarSchema(schema)).toEqual(expected);
  });

  test.each([
    ['pattern', { type: 'string', pattern: 'a' }, /pattern cannot be enforced/],
    [
      'minimum',
      { type: 'object', properties: { n: { type: 'number', minimum: 1 } } },
      /schema\/properties\/n: minimum cannot be enforced/,
    ],
    ['allOf', { allOf: [{ type: 'string' }] }, /has no type/],
    ['an unknown type', { type: 'text' }, /"text" is not a type/],
    [
      'a reference to an unknown definition',
      { $ref: '#/$defs/x' },
      /is not in the schema's \$defs/,
    ],
    ['a reference to another document', { $ref: 'other.json' }, /is not in the schema's \$defs/],
    [
      'a bound that is too large for memory',
      { type: 'array', items: { type: 'string' }, maxItems: 1e9 },
      /maxItems is not a whole number from 0 to 1000/,
    ],
    ['an empty enum', { enum: [] }, /enum is not a list of values/],
    ['an object in an enum', { enum: [{}] }, /const and enum must be/],
    [
      'items that are not a schema',
      { type: 'array', items: [1] },
      /schema\/items: is not a schema object/,
    ],
    [
      'too many parts',
      {
        type: 'object',
        properties: Object.fromEntries(
          Array.from({ length: 600 }, (_, i) => [`p${i}`, { type: 'null' }]),
        ),
      },
      /more than 500/,
    ],
  ])('refuses %s and names its path', (_what, schema, message) => {
    expect(() => grammarSchema(schema)).toThrow(message);
  });
});
