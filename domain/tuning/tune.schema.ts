import { z } from 'zod';
import { orNull, renamed } from '../document/codec.schema';
import { metricField } from '../decision/gate.schema';

const log = z
  .boolean()
  .default(false)
  .describe('true searches on a logarithmic scale, which needs low above 0 and no step');

const range = z.discriminatedUnion('kind', [
  z
    .strictObject({
      kind: z.literal('int'),
      low: z.int().describe('the smallest value, a whole number'),
      high: z.int().describe('the largest value, a whole number'),
      step: z.int().min(1).default(1).describe('the step between values, 1 or more'),
      log,
    })
    .describe('whole numbers from low to high'),
  z
    .strictObject({
      kind: z.literal('float'),
      low: z.number().describe('the smallest value'),
      high: z.number().describe('the largest value'),
      step: orNull(z.number().gt(0).describe('the step between values, above 0')),
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
        .describe('2 to 50 values: texts, numbers, true or false'),
    })
    .describe('one of the choices'),
]);

const budget = z
  .strictObject({
    seconds: z
      .int()
      .min(1)
      .max(2_592_000)
      .describe('the maximum time of the study in seconds, at most 30 days'),
  })
  .describe('the budget of the study');

const written = z
  .strictObject({
    metric: metricField,
    direction: z
      .enum(['minimize', 'maximize'])
      .describe('the direction of improvement: minimize or maximize'),
    trials: z.int().min(1).max(10_000).describe('the number of trials, from 1 to 10000'),
    parallel: z
      .int()
      .min(1)
      .max(64)
      .default(2)
      .describe('the number of parallel trials, from 1 to 64'),
    sampler: z.enum(['tpe', 'random']).default('tpe').describe('the sampler: tpe or random'),
    pruner: z
      .enum(['hyperband', 'none'])
      .default('hyperband')
      .describe('the pruner: hyperband or none'),
    space: z
      .record(z.string().min(1).max(200), range)
      .describe('the parameters to search, each with its range'),
    seed: z
      .int()
      .min(0)
      .max(2 ** 31 - 1)
      .default(17)
      .describe('the random seed, a whole number from 0 to 2147483647'),
    budget: orNull(
      z.codec(budget, z.number(), {
        decode: ({ seconds }) => seconds,
        encode: (seconds) => ({ seconds }),
      }),
    ),
  })
  .describe('metric, direction, trials and space');

export const tuneSchema = renamed(written, { budget: 'budgetSeconds' });
