import { z } from 'zod';
import type { EvaluationCase } from './case';
import { ruleSchema, storedRuleSchema } from '../dimension/rule.schema';
import { jsonSchemaField, storedJsonSchemaField } from '../../document/json-schema-field.schema';

const text = z.string().max(1_000_000);

/** A line of a case set, as a person writes it. */
export const caseSchema = buildCaseSchema(ruleSchema, jsonSchemaField);
export const storedCaseSchema = buildCaseSchema(storedRuleSchema, storedJsonSchemaField);

/** Strict, because a case with a misspelt `answr` would silently measure nothing. */
function buildCaseSchema(rule: typeof ruleSchema, schema: typeof jsonSchemaField) {
  return z
    .strictObject({
      id: z.string().min(1).max(200),
      input: z.record(
        z.string().min(1).max(63),
        z.union([text, z.number(), z.array(text).max(10_000)]),
      ),
      expected: z
        .strictObject({
          answer: text.optional(),
          otherAnswers: z.array(text).max(1_000).optional(),
          documents: z.array(z.string().min(1).max(1_000)).max(1_000).optional(),
          label: z.string().min(1).max(200).optional(),
          schema: schema.optional(),
        })
        .default({}),
      tags: z.array(z.string().min(1).max(100)).max(100).default([]),
      group: z.string().min(1).max(100).nullable().default(null),
      pair: z.string().min(1).max(200).nullable().default(null),
      rules: z.array(rule).max(100).default([]),
    })
    .describe('a case: id, input and expected') satisfies z.ZodType<EvaluationCase>;
}
