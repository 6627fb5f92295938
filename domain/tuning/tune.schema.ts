import { z } from 'zod';
import { metricField } from '../decision/gate.schema';

const bound = z.number().describe('a number');
const log = z
  .boolean()
  .default(false)
  .describe('true to search on a logarithmic scale, which needs low above 0 and no step');

const range = z.discriminatedUnion('kind', [
  z
    .strictObject({
      kind: z.literal('int'),
      low: z.int().describe('a whole number'),
      high: z.int().describe('a whole number'),
      step: z.int().min(1).default(1).describe('a whole number above 0'),
      log,
    })
    .describe('whole numbers from low to high'),
  z
    .strictObject({
      kind: z.literal('float'),
      low: bound,
      high: bound,
      step: z.number().gt(0).optional().describe('a number above 0'),
      log,
    })
    .describe('numbers from low to high'),
  z
    .strictObject({
      kind: z.literal('categorical'),
      choices: z
        .array(z.union([z.string().max(200), z.number(), z.boolean()]))
        .min(2)
        .max(50)
        .describe('two to fifty texts, numbers or true and false'),
    })
    .describe('one of some choices'),
]);

export const tuneSchema = z
  .strictObject({
    metric: metricField,
    direction: z.enum(['minimize', 'maximize']).describe('minimize or maximize'),
    trials: z.int().min(1).max(10_000).describe('a whole number from 1 to 10000'),
    parallel: z
      .int()
      .min(1)
      .max(64)
      .default(2)
      .describe('a whole number from 1 to 64: trials at once'),
    sampler: z.enum(['tpe', 'random']).default('tpe').describe('tpe or random'),
    pruner: z.enum(['hyperband', 'none']).default('hyperband').describe('hyperband or none'),
    space: z
      .record(z.string().min(1).max(200), range)
      .describe('the parameters to search, each with its range'),
    seed: z
      .int()
      .min(0)
      .max(2 ** 31 - 1)
      .default(17)
      .describe('a whole number from 0 to 2147483647'),
    budget: z
      .strictObject({
        seconds: z
          .int()
          .min(1)
          .max(2_592_000)
          .describe('a whole number of seconds, at most 30 days'),
      })
      .optional()
      .describe('the budget of the study: seconds'),
  })
  .describe('metric, direction, trials and space');
