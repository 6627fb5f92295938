import { z } from 'zod';
import { nameField, pathField } from '../../document/field.schema';
import type { DimensionSpec } from './dimension';
import { ruleSchema } from './rule.schema';
import { jsonSchemaField } from '../../document/json-schema-field.schema';
import { patternField } from '../../document/pattern.schema';

const name = nameField('the name of the dimension, which gates use');
const metric = z
  .templateLiteral([z.enum(['recall', 'ndcg']), '@', z.int().min(1).max(100)])
  .or(z.literal('mrr'))
  .describe('recall@k or ndcg@k with k from 1 to 100, or mrr');
const text = z.string().min(1).max(100_000);
const every = z
  .int()
  .min(1)
  .max(1_000)
  .default(5)
  .describe('one in this many words gets a typing error');

const perturbationSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('typos'), every }),
    z.strictObject({ kind: z.literal('upperCase') }),
    z.strictObject({ kind: z.literal('lowerCase') }),
    z.strictObject({ kind: z.literal('order') }),
    z.strictObject({
      kind: z.literal('distractor'),
      texts: z.array(text).min(1).max(1_000).describe('texts that are irrelevant to the question'),
    }),
    z.strictObject({
      kind: z.literal('longContext'),
      filler: z.array(text).min(1).max(1_000).describe('texts to fill the context with'),
      characters: z
        .int()
        .min(1)
        .max(1_000_000)
        .describe('length of the variable afterwards, in characters'),
    }),
    z.strictObject({
      kind: z.literal('paraphrase'),
      provider: nameField(
        'embedded, or the name of a provider that the operator configured',
      ).default('embedded'),
      model: z.string().min(1).max(200).describe('the model that paraphrases the question'),
      minSimilarity: z
        .number()
        .min(0)
        .max(1)
        .default(0.8)
        .describe(
          'smallest cosine similarity of both texts, from 0 to 1, if there is an embedder; other ' +
            'paraphrases are not asked',
        ),
    }),
  ])
  .describe('typos, upperCase, lowerCase, order, distractor, longContext or paraphrase');

/** A dimension as a person writes it. `evaluationProblems` checks its name and `of`. */
export const dimensionSchema = z
  .discriminatedUnion('kind', [
    z
      .strictObject({ name, kind: z.literal('exact') })
      .describe('whether it is an expected answer, ignoring case, punctuation and articles'),
    z
      .strictObject({ name, kind: z.literal('f1') })
      .describe('overlap of words with the nearest expected answer'),
    z.strictObject({
      name,
      kind: z.literal('label'),
      labels: z.array(z.string().min(1).max(200)).min(1).max(1_000).describe('all possible labels'),
    }),
    z.strictObject({ name, kind: z.literal('regex'), pattern: patternField }),
    z.strictObject({
      name,
      kind: z.literal('json'),
      schema: jsonSchemaField
        .nullable()
        .default(null)
        .describe('a JSON Schema, or null for the one of each case'),
    }),
    z.strictObject({
      name,
      kind: z.literal('rules'),
      rules: z
        .array(ruleSchema)
        .max(100)
        .default([])
        .describe('rules for every answer, in addition to those of its case'),
    }),
    z.strictObject({ name, kind: z.literal('similarity') }),
    z.strictObject({ name, kind: z.literal('groundedness') }),
    z.strictObject({ name, kind: z.literal('citations') }),
    z.strictObject({ name, kind: z.literal('safety') }),
    z.strictObject({ name, kind: z.literal('retrieval'), metric: metric.default('recall@5') }),
    z.strictObject({
      name,
      kind: z.literal('consistency'),
      repeats: z.int().min(2).max(20).default(3).describe('number of repeats, from 2 to 20'),
    }),
    z.strictObject({
      name,
      kind: z.literal('robustness'),
      of: nameField('the dimension whose score should stay the same'),
      variable: z.string().min(1).max(63).describe('the variable that is perturbed'),
      perturbations: z
        .array(perturbationSchema)
        .min(1)
        .max(20)
        .describe('how the variable is changed'),
    }),
    z.strictObject({
      name,
      kind: z.literal('judge'),
      prompt: pathField('the path of the Prompt file that asks for the verdict'),
      provider: nameField(
        'embedded, or the name of a provider that the operator configured',
      ).default('embedded'),
      model: z.string().min(1).max(200).describe('the model that judges'),
      labels: pathField('a path')
        .nullable()
        .default(null)
        .describe(
          'the path of an NDJSON file of answers that people have labelled, with case, answer and ' +
            'right; gates on this dimension need it',
        ),
    }),
  ])
  .describe('one measurement of each case: name and kind') satisfies z.ZodType<DimensionSpec>;
