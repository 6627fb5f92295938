import { z } from 'zod';
import { nameField } from '../document/field.schema';
import { dimensionSchema } from '../language/dimension/dimension.schema';
import { indexSchema, paritySchema } from './index.schema';

const dataset = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}(@[1-9]\d{0,8})?$/)
  .describe(
    'a dataset as `perennial dataset list` shows it, with or without @version: without, the newest',
  );

const answers = z
  .strictObject({
    model: nameField('a language application whose champion asks this index').describe(
      'whose champion is asked, over either version',
    ),
    cases: z.string().min(1).describe('NDJSON, a case a line: id, input and expected'),
    dimensions: z.array(dimensionSchema).min(1).max(50).describe('what is measured of each answer'),
    quality: nameField('the dimension that decides'),
    margin: z.number().gt(0).max(1).default(0.05).describe('how much worse its mean may be'),
    confidence: z.number().gt(0.5).max(0.999).default(0.95),
    minCases: z.int().min(2).default(50),
    maxFailures: z
      .number()
      .min(0)
      .max(1)
      .default(0.05)
      .describe('share of cases without a score, beyond which nothing was measured'),
    parallel: z.int().min(1).max(256).default(4).describe('questions under way at once'),
  })
  .describe(
    'what the answers over the new index must show before it takes the place of the one that answers',
  );

/** A build apart from a lifecycle's. */
export const buildOrderSchema = indexSchema
  .pick({
    chunking: true,
    embedder: true,
    vectors: true,
    maxDocument: true,
    maxRejectedShare: true,
    mode: true,
  })
  .extend({
    documents: dataset,
    parity: paritySchema.extend({ questions: dataset }).nullable().default(null),
    answers: answers.nullable().default(null),
    after: z
      .enum(['promote', 'keep'])
      .default('promote')
      .describe('keep leaves the alias where it is'),
    budget: z
      .strictObject({
        usd: z.number().gt(0).nullable().default(null),
        tokens: z.int().min(1).nullable().default(null),
      })
      .prefault({})
      .describe(
        'for a paid embedder, and for the answers: spent, the build ends or says that it could not measure',
      ),
  })
  .describe('documents, how they are cut and embedded, and what the new version must show');

export type BuildOrder = z.output<typeof buildOrderSchema>;
