import { z } from 'zod';
import { nameField } from '../document/field.schema';
import { dimensionSchema } from '../language/dimension/dimension.schema';
import { indexSchema, paritySchema } from '../index/index.schema';

const dataset = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}(@[1-9]\d{0,8})?$/)
  .describe(
    'a dataset from `perennial dataset list`, such as docs or docs@3; the newest version by default',
  );

const answers = z
  .strictObject({
    model: nameField('a language application whose champion uses this index').describe(
      'a language application; its champion answers over both versions',
    ),
    cases: z.string().min(1).describe('NDJSON, one case per line: id, input and expected'),
    dimensions: z.array(dimensionSchema).min(1).max(50).describe('the dimensions to measure'),
    quality: nameField('the dimension that decides'),
    margin: z.number().gt(0).max(1).default(0.05).describe('how much lower its mean may be'),
    confidence: z.number().gt(0.5).max(0.999).default(0.95),
    minCases: z.int().min(2).default(50),
    maxFailures: z
      .number()
      .min(0)
      .max(1)
      .default(0.05)
      .describe('the largest share of cases without a score; above it the result is inconclusive'),
    parallel: z.int().min(1).max(256).default(4).describe('concurrent questions'),
  })
  .describe('what answers over the new version must show before it becomes the champion');

/** A build that no lifecycle starts. */
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
      .describe('promote moves the champion alias to the new version; keep does not'),
    budget: z
      .strictObject({
        usd: z.number().gt(0).nullable().default(null),
        tokens: z.int().min(1).nullable().default(null),
      })
      .prefault({})
      .describe(
        'limit for a paid embedder and for the answers; when it is spent, the build fails or its ' +
          'result is inconclusive',
      ),
  })
  .describe('documents, chunking, embedder, and what the new version must show');

export type BuildOrder = z.output<typeof buildOrderSchema>;
