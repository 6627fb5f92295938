import { z } from 'zod';
import { bytesField, nameField, variableField } from '../document/field.schema';
import { sourceName } from '../dataset/source-name.schema';
import { schemaIssue } from '../document/schema-issues.schema';
import { vectorKinds } from './vector-index';

const size = z
  .int()
  .min(16)
  .max(8192)
  .describe('16 to 8192: tokens per chunk, at most what the embedder accepts');

const chunking = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('tokens'),
      size: size.default(256),
      overlap: z.int().min(0).default(32).describe('tokens that consecutive chunks share'),
    }),
    z.strictObject({
      kind: z.literal('sentences'),
      size: size.default(256),
      overlap: z
        .int()
        .min(0)
        .max(10)
        .default(0)
        .describe('sentences that consecutive chunks share'),
    }),
    z.strictObject({ kind: z.literal('paragraphs'), size: size.default(256) }),
  ])
  .superRefine((plan, context) => {
    if (plan.kind === 'tokens' && plan.overlap * 2 > plan.size)
      context.issues.push({
        ...schemaIssue('cannot be more than half of the size'),
        path: ['overlap'],
      });
  })
  .describe('how documents are split into chunks: by tokens, sentences or paragraphs');

const embedder = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('minilm') }),
    z.strictObject({ kind: z.literal('wordllama') }),
    z.strictObject({
      kind: z.literal('endpoint'),
      provider: nameField('the name of a provider that the operator configured'),
      model: z.string().min(1).max(200).describe("the provider's name of the model"),
      dimensions: z.int().min(8).max(8192).describe('the length of its vectors, from 8 to 8192'),
      maxTokens: z
        .int()
        .min(16)
        .max(65_536)
        .default(512)
        .describe('the maximum number of tokens of a text'),
    }),
  ])
  .describe('minilm, wordllama, or endpoint with a provider and its model');

const vectors = z
  .enum(['auto', ...vectorKinds])
  .describe(
    'kind of vector index: flat (exact), hnsw, ivfPq, or auto, which chooses by the number of ' +
      'chunks',
  )
  .default('auto');

const metric = z
  .templateLiteral([z.enum(['recall', 'ndcg']), '@', z.int().min(1).max(100)])
  .or(z.literal('mrr'))
  .describe('recall@k or ndcg@k with k from 1 to 100, or mrr');

export const paritySchema = z
  .strictObject({
    questions: sourceName.describe(
      'the source of questions with the ids of the documents that answer them: id, question and ' +
        'documents',
    ),
    metric: metric.default('recall@5'),
    margin: z
      .number()
      .gt(0)
      .max(1)
      .default(0.02)
      .describe('how much lower the metric of the new version may be'),
    confidence: z
      .number()
      .gt(0.5)
      .max(0.99)
      .default(0.97)
      .describe('confidence of the bound, above 0.5 and at most 0.99'),
    minQuestions: z
      .int()
      .min(2)
      .default(100)
      .describe('smallest number of questions, from 2; with fewer the result is inconclusive'),
  })
  .describe('what retrieval with a new version must show before it becomes the champion');

const rerank = z
  .strictObject({
    provider: nameField('the name of a provider that the operator configured'),
    model: z.string().min(1).max(200).describe('a cross-encoder that the provider serves'),
    candidates: z.int().min(2).max(200).default(20).describe('passages to reorder'),
    onError: z
      .enum(['fail', 'keepOrder'])
      .default('keepOrder')
      .describe(
        'fail returns no answer if reranking fails; keepOrder keeps the order of the index',
      ),
  })
  .describe('a model that reorders the passages, by POST /rerank of a provider');

/** The declaration of an index in a lifecycle file. */
export const indexSchema = z
  .strictObject({
    name: nameField('the name of the index'),
    documents: sourceName.describe(
      'the source of the documents: columns id and text, optionally title and source',
    ),
    variable: variableField
      .default('passages')
      .describe('the variable of the prompts that receives the passages'),
    chunking: chunking.default({ kind: 'sentences', size: 256, overlap: 0 }),
    embedder: embedder.default({ kind: 'minilm' }),
    vectors,
    mode: z
      .enum(['vector', 'text', 'hybrid'])
      .default('vector')
      .describe('how it is searched: by meaning (vector), by words (text), or by both (hybrid)'),
    k: z.int().min(1).max(100).default(5).describe('passages per question'),
    rerank: rerank.optional(),
    maxDocument: bytesField('larger documents are left out and counted', 1024).default(8 << 20),
    maxRejectedShare: z
      .number()
      .min(0)
      .max(1)
      .default(0.1)
      .describe('the largest share of documents that may be left out; above it the build fails'),
    parity: paritySchema
      .nullable()
      .default(null)
      .describe(
        'what retrieval with a new version must show before it becomes the champion; null for nothing',
      ),
  })
  .describe('an index of documents');

export type IndexSpec = z.output<typeof indexSchema>;
