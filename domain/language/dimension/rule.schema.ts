import { z } from 'zod';
import { schemaIssue } from '../../document/schema-issues.schema';
import { jsonSchemaProblem } from '../../document/json-schema.schema';
import type { Rule } from './rule';

const text = z.string().min(1).max(10_000).describe('the text to look for');
const ignoreCase = z.boolean().optional().describe('whether upper and lower case are the same');

/** Without the checks of new documents, so that documents accepted before stay readable. */
const storedPattern = z.string().min(1).max(1_000).describe('a regular expression');
export const storedJsonSchemaField = z.record(z.string(), z.unknown()).describe('a JSON Schema');

export const patternField = storedPattern
  .refine(isPattern, 'is not a valid regular expression')
  .describe('a regular expression');
/** Checked early, because otherwise an error would appear only after the first paid answer. */
export const jsonSchemaField = storedJsonSchemaField
  .check((context) => {
    const reason = jsonSchemaProblem(context.value);
    if (reason !== null) context.issues.push(schemaIssue(`is not a valid JSON Schema: ${reason}`));
  })
  .describe('a JSON Schema');

/** A rule as a person writes it. */
export const ruleSchema = ruleOf(patternField, jsonSchemaField);
export const storedRuleSchema = ruleOf(storedPattern, storedJsonSchemaField);

/** All rules of a list must hold, so one level of `anyOf` is enough. */
function ruleOf(pattern: typeof patternField, schema: typeof jsonSchemaField) {
  const simple = [
    z.strictObject({ kind: z.literal('contains'), text, ignoreCase }),
    z.strictObject({ kind: z.literal('excludes'), text, ignoreCase }),
    z.strictObject({ kind: z.literal('startsWith'), text, ignoreCase }),
    z.strictObject({ kind: z.literal('equals'), text, ignoreCase }),
    z.strictObject({ kind: z.literal('matches'), pattern }),
    z.strictObject({ kind: z.literal('matchesNot'), pattern }),
    z.strictObject({
      kind: z.literal('words'),
      min: z.int().min(0).optional().describe('smallest number of words'),
      max: z.int().min(0).optional().describe('largest number of words'),
    }),
    z.strictObject({ kind: z.literal('json'), schema: schema.optional() }),
  ] as const;
  return z
    .discriminatedUnion('kind', [
      ...simple,
      z.strictObject({
        kind: z.literal('anyOf'),
        rules: z
          .array(z.discriminatedUnion('kind', [...simple]))
          .min(1)
          .max(20)
          .describe('rules of which at least one must hold'),
      }),
    ])
    .describe(
      'contains, excludes, startsWith, equals, matches, matchesNot, words, json or anyOf',
    ) satisfies z.ZodType<Rule>;
}

/** Patterns run in Unicode mode. */
function isPattern(text: string): boolean {
  try {
    new RegExp(text, 'u');
    return true;
  } catch {
    return false;
  }
}
