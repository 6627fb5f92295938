import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { publishedSchemas } from '../../../domain/reference/published.schema';

const folder = join(__dirname, '..', '..', '..', 'schemas');

describe('the published JSON Schemas', () => {
  test.each(Object.entries(publishedSchemas()))(
    '%s matches the zod schema; otherwise run scripts/publish-schemas.ts',
    (name, schema) => {
      expect(JSON.parse(readFileSync(join(folder, name), 'utf8'))).toEqual(
        JSON.parse(JSON.stringify(schema)),
      );
    },
  );

  test('are all in schemas/', () => {
    expect(readdirSync(folder).sort()).toEqual(Object.keys(publishedSchemas()).sort());
  });

  test('reject unknown keys, and have defaults', () => {
    const text = JSON.stringify(publishedSchemas()['llm-lifecycle.schema.json']);
    const { properties } = JSON.parse(text) as {
      properties: { spec: { additionalProperties: boolean } };
    };
    expect(properties.spec.additionalProperties).toBe(false);
    expect(text).toContain('"default":"2GiB"');
  });
});
