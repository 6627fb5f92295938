import { z } from 'zod';
import { jobCaps } from '../../cost/budget.schema';
import { columnField, nameField, pathField, variableField } from '../../document/field.schema';
import { indexSchema } from '../../index/index.schema';
import {
  computeSchema,
  limitsSchema,
  metadataSchema,
  paramsField,
  promoteSchema,
  seedField,
  sourceSchema,
  withLimits,
  withoutLimits,
} from '../lifecycle.schema';
import { sourceName } from '../../dataset/source-name.schema';
import { apiVersion } from '../../document/api-version';
import { namedList, orNull } from '../../document/codec.schema';
import type { LlmLifecycleSpec } from './llm-lifecycle';
import { answersMonitorSchema } from '../sections/monitor.schema';
import { notifySchema } from '../../notification/notify.schema';
import { programSchema } from '../sections/program.schema';
import { scheduleSchema } from '../../schedule/schedule.schema';
import { llmCanarySchema } from './canary/canary.schema';
import { dimensionSchema } from '../../language/dimension/dimension.schema';
import { llmGateSchema } from '../../language/evaluation/gate.schema';
import { lifecycleSearchSchema } from '../../prompt-search/search.schema';
import { modelSchema, samplingSchema } from '../../chat/model.schema';

/** `ref` is a branch, a label or a version number; it is resolved when a run starts. */
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
        'paths of Prompt files, or prompt://name@ref; the others are compared with the first',
      ),
    input: variableField.describe("the prompt variable for the user's text"),
  })
  .describe('candidates and input');

const share = z.number().min(0).max(0.9);

const casesSchema = z
  .strictObject({
    file: pathField('the path of an NDJSON file with one case per line: id, input and expected'),
    search: share
      .default(0.4)
      .describe('share of the cases on which prompts are compared, from 0 to 0.9'),
    confirm: share
      .default(0.2)
      .describe(
        'share of the cases on which the winner is compared with the first prompt, from 0 to 0.9',
      ),
  })
  .describe('questions with their expected answers: file');

const writtenData = z
  .strictObject({
    sources: namedList(sourceName, sourceSchema).describe('at least one source by its name'),
    limits: limitsSchema,
  })
  .describe('sources of the index documents and of the fine-tuning examples');

const dataSchema = z.codec(writtenData, z.custom<NonNullable<LlmLifecycleSpec['data']>>(), {
  decode: withoutLimits,
  encode: withLimits,
});

const fineTuneSchema = z
  .strictObject({
    examples: sourceName.describe(
      'the source of the examples: texts as users would write them, with the wanted answers',
    ),
    input: columnField("the column of the user's text").default('input'),
    output: columnField('the column of the wanted answer').default('output'),
    most: z
      .int()
      .min(16)
      .max(1_000_000)
      .default(20_000)
      .describe('largest number of examples, from 16; of more, this many are drawn at random'),
    holdout: z
      .number()
      .gt(0)
      .max(0.5)
      .default(0.1)
      .describe('share of the examples kept out of training to measure it, at most 0.5'),
    by: z
      .enum(['job', 'provider'])
      .default('job')
      .describe(
        "job: a trainer of this platform, for the embedded model; provider: the API of the model's " +
          'provider',
      ),
    trainer: nameField('the trainer, a folder under trainers/').default('lora'),
    params: paramsField
      .default({})
      .describe('parameters of the trainer, or hyperparameters of the provider'),
    seed: seedField,
    compute: computeSchema.prefault({ memory: '4GiB', timeout: '4h' }),
  })
  .describe('fine-tuning of the model: examples');

const evaluateSchema = z
  .strictObject({
    dimensions: z.array(dimensionSchema).min(1).max(50).describe('the measurements of each case'),
    gates: z
      .array(llmGateSchema)
      .max(50)
      .default([])
      .describe('a list of gates; if it is empty, ungated must give the reason'),
    ungated: orNull(
      z.string().trim().min(1).max(500).describe('the reason why there are no gates'),
    ),
    first: z
      .int()
      .min(10)
      .nullable()
      .default(null)
      .describe(
        'number of cases to ask first, from 10; more are asked only while a gate is undecided; ' +
          'null asks all at once',
      ),
    parallel: z
      .int()
      .min(1)
      .max(256)
      .default(4)
      .describe('number of concurrent questions, from 1 to 256'),
  })
  .describe('dimensions and gates');

const budgetSchema = z
  .strictObject({
    usd: z.number().gt(0).nullable().default(null).describe('US dollars, or null for no limit'),
    tokens: z.int().gt(0).nullable().default(null).describe('tokens, or null for no limit'),
    ...jobCaps,
  })
  .prefault({})
  .describe('the most that one run may spend');

const promptEvalSchema = z
  .strictObject({
    quality: nameField('the dimension that chooses the best prompt'),
    search: lifecycleSearchSchema.optional(),
  })
  .describe(
    'how a prompt is chosen among the candidates: quality; with search, also among variants ' +
      'of the best of them',
  );

/** The lifecycle of a language application. `checks.ts` checks its parts against one another. */
const writtenLifecycle = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('LlmLifecycle'),
  metadata: metadataSchema,
  spec: z
    .strictObject({
      model: modelSchema,
      sampling: samplingSchema,
      prompt: promptSchema,
      cases: casesSchema,
      data: orNull(dataSchema),
      index: orNull(indexSchema),
      fineTune: orNull(fineTuneSchema),
      promptEval: orNull(promptEvalSchema),
      evaluate: evaluateSchema,
      canary: orNull(llmCanarySchema),
      safety: orNull(pathField('the path of the safety policy')),
      budget: budgetSchema,
      promote: promoteSchema,
      schedule: orNull(scheduleSchema),
      notify: notifySchema,
      program: programSchema.optional(),
      monitor: answersMonitorSchema.optional(),
    })
    .describe('model, prompt, cases and evaluate'),
});

/** A document of a language application and its spec. */
export const llmLifecycleSchema = z.codec(writtenLifecycle, z.custom<LlmLifecycleSpec>(), {
  decode({ kind, metadata, spec: { monitor, program, ...spec } }) {
    return {
      kind,
      ...metadata,
      ...spec,
      ...(monitor && { monitor }),
      ...(program && { program }),
    };
  },
  encode({ kind, name, owner, labels, ...spec }) {
    return { apiVersion, kind, metadata: { name, owner, labels }, spec } as z.output<
      typeof writtenLifecycle
    >;
  },
});

/** A lifecycle as a person writes it. */
export type LlmLifecycleDocument = z.input<typeof llmLifecycleSchema>;
