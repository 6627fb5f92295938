import { z } from 'zod';
import { nameField } from '../document/field.schema';
import { apiVersion } from '../document/api-version';
import { parseWithSchema, type ParseResult } from '../document/schema-issues.schema';
import { yamlDocument } from '../document/yaml-document.schema';
import type { SafetyPolicy } from './policy';
import { safetyPolicySchema } from './policy.schema';

const documentSchema = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('Policy'),
  metadata: z.strictObject({ name: nameField('the name of the policy') }).describe('name'),
  spec: safetyPolicySchema,
});

/** Reads a `Policy` document. Returns the policy, or all its errors. */
export function readSafetyPolicy(text: string, fileName: string): ParseResult<SafetyPolicy> {
  const written = yamlDocument(text, fileName);
  if (written.issues.length > 0) return { ok: false, issues: written.issues };
  const read = parseWithSchema(documentSchema, written);
  return read.ok
    ? { ok: true, value: { name: read.value.metadata.name, ...read.value.spec } }
    : read;
}
