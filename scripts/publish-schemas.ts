/**
 * Regenerates schemas/*.json from the zod schemas: `node -r tsx/cjs scripts/publish-schemas.ts`. A
 * test fails when they are out of date.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { publishedSchemas } from '../domain/reference/published.schema';

for (const [name, schema] of Object.entries(publishedSchemas())) {
  const path = join(__dirname, '..', 'schemas', name);
  writeFileSync(path, `${JSON.stringify(schema, null, 2)}\n`);
  console.log(`wrote ${path}`);
}
