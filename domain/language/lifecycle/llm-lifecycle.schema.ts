import { z } from 'zod';
import { columnField, nameField, pathField, variableField } from '../../document/field.schema';
import { indexSchema } from '../../index/index.schema';
import {
  apiVersion,
  computeSchema,
  limitsSchema,
  metadataSchema,
  paramsField,
  promoteSchema,
  seedField,
  sourceName,
  sourceSchema,
} from '../../lifecycle/lifecycle.schema';
import { notifySchema } from '../../notification/notify.schema';
import { scheduleSchema } from '../../schedule/schedule.schema';
import { notInThisVersion } from '../../document/schema-issues.schema';
import { llmCanarySchema } from '../canary/canary.schema';
import { dimensionSchema } from '../dimension/dimension.schema';
import { llmGateSchema } from '../evaluation/gate.schema';
import { lifecycleSearchSchema } from '../../prompt/search/search.schema';

const provider = nameField('embedded, or the name of a provider that the operator has set up');
const model = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .describe('the name of a model, as its provider knows it');

export const modelSchema = z
  .strictObject({
    provider: provider.default('embedded'),
    name: model,
    standby: z
      .array(z.strictObject({ provider, model }).describe('provider and model'))
      .max(5)
      .default([])
      .describe(
        'who answers, in this order, when the first cannot; in a lifecycle only those that pass the gates',
      ),
  })
  .describe('who answers: provider and name');

export const samplingSchema = z
  .strictObject({
    temperature: z.number().min(0).max(2).default(0).describe('a number from 0 to 2'),
    topP: z.number().gt(0).max(1).default(1).describe('a share above 0'),
    maxTokens: z
      .int()
      .min(1)
      .max(32_768)
      .default(256)
      .describe('a whole number above 0: tokens of an answer'),
    seed: z
      .int()
      .min(0)
      .nullable()
      .default(17)
      .describe('a whole number, or null where repeats should differ'),
    stop: z
      .array(z.string().min(1).max(100))
      .max(4)
      .default([])
      .describe('texts at which an answer ends'),
  })
  .prefault({})
  .describe('how the model draws its words');

/** A branch, a label or the number of a version: what it means is looked up when a run begins. */
export const promptRefField = z
  .string()
  .regex(/^prompt:\/\/[a-z][a-z0-9-]{0,62}@[a-z0-9][a-z0-9.-]{0,62}$/);

const promptSchema = z
  .strictObject({
    candidates: z
      .array(
        z.union([
          promptRefField,
          pathField('the path of a Prompt file, or prompt://name@ref of one in the registry'),
        ]),
      )
      .min(1)
      .max(50)
      .describe(
        'paths of Prompt files, or prompt://name@ref; the first is what the others are compared with',
      ),
    input: variableField.describe('the variable of the prompts that takes what the user writes'),
  })
  .describe('candidates and input');

const share = z.number().min(0).max(0.9);

const casesSchema = z
  .strictObject({
    file: pathField('the path of an NDJSON file, a case a line: id, input and expected'),
    search: share
      .default(0.4)
      .describe('a share from 0 to 0.9: cases on which prompts are compared'),
    confirm: share
      .default(0.2)
      .describe('a share from 0 to 0.9: cases on which the winner is laid beside the first prompt'),
  })
  .describe('questions with what is known of their right answers: file');

const dataSchema = z
  .strictObject({
    sources: z.record(sourceName, sourceSchema).describe('at least one source by its name'),
    limits: limitsSchema,
  })
  .describe('sources: what an index is made of, and what a model is fine-tuned on');

const fineTuneSchema = z
  .strictObject({
    examples: sourceName.describe(
      'the source of the examples: a text as a user would write it, and the answer wanted',
    ),
    input: columnField('the column of what the user writes').default('input'),
    output: columnField('the column of the answer wanted').default('output'),
    most: z
      .int()
      .min(16)
      .max(1_000_000)
      .default(20_000)
      .describe('a whole number from 16: of more examples so many are drawn'),
    holdout: z
      .number()
      .gt(0)
      .max(0.5)
      .default(0.1)
      .describe(
        'a share above 0 and at most 0.5: examples that are not learnt from, but measured on',
      ),
    by: z
      .enum(['job', 'provider'])
      .default('job')
      .describe(
        'job: a trainer here, for the embedded model; provider: the API of the model’s provider',
      ),
    trainer: nameField('the trainer, a folder under trainers/').default('lora'),
    params: paramsField
      .default({})
      .describe('parameters of the trainer, or hyperparameters of the provider'),
    seed: seedField,
    compute: computeSchema.prefault({ memory: '4GiB', timeout: '4h' }),
  })
  .describe('examples: what the model is to answer to what');

const evaluateSchema = z
  .strictObject({
    dimensions: z.array(dimensionSchema).min(1).max(50).describe('what is measured of each case'),
    gates: z
      .array(llmGateSchema)
      .max(50)
      .default([])
      .describe('a list of gates; without any, ungated gives the reason'),
    ungated: z
      .string()
      .trim()
      .min(1)
      .max(500)
      .optional()
      .describe('in place of gates: the reason why there are none'),
    first: z
      .int()
      .min(10)
      .nullable()
      .default(null)
      .describe(
        'a whole number from 10: cases that are asked first, and more only while a gate is undecided; null asks all at once',
      ),
    parallel: z
      .int()
      .min(1)
      .max(256)
      .default(4)
      .describe('a whole number from 1 to 256: questions under way at once'),
  })
  .describe('dimensions and gates');

const budgetSchema = z
  .strictObject({
    usd: z.number().gt(0).nullable().default(null).describe('US dollars, or null for no limit'),
    tokens: z.int().gt(0).nullable().default(null).describe('tokens, or null for no limit'),
  })
  .prefault({})
  .describe('the most that one run may spend');

/**
 * The life of a language application. What parts of it say together is checked in
 * `llm-lifecycle-checks.ts`.
 */
export const llmLifecycleSchema = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('LlmLifecycle'),
  metadata: metadataSchema,
  spec: z
    .strictObject({
      model: modelSchema,
      sampling: samplingSchema,
      prompt: promptSchema,
      cases: casesSchema,
      data: dataSchema.optional(),
      index: indexSchema.optional(),
      fineTune: fineTuneSchema.optional(),
      promptEval: z
        .strictObject({
          quality: nameField('the dimension by which the best prompt is chosen'),
          search: lifecycleSearchSchema.optional(),
        })
        .optional()
        .describe(
          'how a prompt is chosen among the candidates: quality; and, with search, among prompts that are made from the best of them',
        ),
      evaluate: evaluateSchema,
      canary: llmCanarySchema.optional(),
      safety: pathField('the path of the safety policy').optional(),
      budget: budgetSchema,
      promote: promoteSchema,
      schedule: scheduleSchema.optional(),
      notify: notifySchema,
      monitor: notInThisVersion,
    })
    .describe('model, prompt, cases and evaluate'),
});

/** With every default filled in. */
export type CompleteLlmLifecycle = z.output<typeof llmLifecycleSchema>;
/** As a person writes it. */
export type LlmLifecycleDocument = z.input<typeof llmLifecycleSchema>;
