import { z } from 'zod';
import { jsonSchemaProblem } from './json-schema.schema';
import { schemaIssue } from './schema-issues.schema';

/** Without the checks of new documents, so that documents accepted before stay readable. */
export const storedJsonSchemaField = z.record(z.string(), z.unknown()).describe('a JSON Schema');

/** Checked early, because otherwise an error would appear only after the first paid answer. */
export const jsonSchemaField = storedJsonSchemaField
  .check((context) => {
    const reason = jsonSchemaProblem(context.value);
    if (reason !== null) context.issues.push(schemaIssue(`is not a valid JSON Schema: ${reason}`));
  })
  .describe('a JSON Schema');
