import { z } from 'zod';
import { nameField } from '../document/field.schema';

const provider = nameField('embedded, or the name of a provider that the operator configured');
const model = z.string().trim().min(1).max(200).describe("the provider's name of the model");

export const modelSchema = z
  .strictObject({
    provider: provider.default('embedded'),
    name: model,
    standby: z
      .array(z.strictObject({ provider, model }).describe('provider and model'))
      .max(5)
      .default([])
      .describe(
        'models that answer, in this order, when the first is not available; in a lifecycle only ' +
          'those that pass the gates',
      ),
  })
  .describe('the model that answers: provider and name');

export const samplingSchema = z
  .strictObject({
    temperature: z
      .number()
      .min(0)
      .max(2)
      .default(0)
      .describe('randomness of the answers, from 0 to 2'),
    topP: z.number().gt(0).max(1).default(1).describe('a share above 0'),
    maxTokens: z
      .int()
      .min(1)
      .max(32_768)
      .default(256)
      .describe('largest number of tokens of an answer, above 0'),
    seed: z
      .int()
      .min(0)
      .nullable()
      .default(17)
      .describe('random seed of the answers, or null so that repeats may differ'),
    stop: z
      .array(z.string().min(1).max(100))
      .max(4)
      .default([])
      .describe('texts at which an answer ends'),
  })
  .prefault({})
  .describe('how the model samples its answer');
