import { z } from 'zod';
import { jsonSchemaField, storedJsonSchemaField } from '../../document/json-schema-field.schema';
import { patternField, storedPattern } from '../../document/pattern.schema';
import type { Rule } from './rule';

const text = z.string().min(1).max(10_000).describe('the text to look for');
const ignoreCase = z.boolean().optional().describe('whether upper and lower case are the same');

/** A rule as a person writes it. */
export const ruleSchema = buildRuleSchema(patternField, jsonSchemaField);
export const storedRuleSchema = buildRuleSchema(storedPattern, storedJsonSchemaField);

/** All rules of a list must hold, so one level of `anyOf` is enough. */
function buildRuleSchema(pattern: typeof patternField, schema: typeof jsonSchemaField) {
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
