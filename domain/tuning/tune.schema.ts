import { z } from 'zod';
import { orNull } from '../document/codec.schema';
import { metricField } from '../decision/gate.schema';
import type { TuneSpec } from './tune-spec';
import { choiceRules, pruners, samplers } from './tune-spec';

const log = z
  .boolean()
  .default(false)
  .describe('true searches on a logarithmic scale, which needs low above 0 and no step');

const choice = z.union([z.string().max(200), z.number(), z.boolean()]);

const when = z
  .record(z.string().min(1).max(200), z.union([choice, z.array(choice).min(1).max(50)]))
  .optional()
  .describe('other parameters with the value or values for which this parameter is searched');

const range = z.discriminatedUnion('kind', [
  z
    .strictObject({
      kind: z.literal('int'),
      low: z.int().describe('the smallest value, a whole number'),
      high: z.int().describe('the largest value, a whole number'),
      step: z.int().min(1).default(1).describe('the step between values, 1 or more'),
      log,
      when,
    })
    .describe('whole numbers from low to high'),
  z
    .strictObject({
      kind: z.literal('float'),
      low: z.number().describe('the smallest value'),
      high: z.number().describe('the largest value'),
      step: orNull(z.number().gt(0).describe('the step between values, above 0')),
      log,
      when,
    })
    .describe('numbers from low to high'),
  z
    .strictObject({
      kind: z.literal('categorical'),
      choices: z
        .array(choice)
        .min(2)
        .max(50)
        .describe('2 to 50 values: texts, numbers, true or false'),
      when,
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

const direction = z
  .enum(['minimize', 'maximize'])
  .describe('the direction of improvement: minimize or maximize');

const written = z
  .strictObject({
    metric: metricField.optional(),
    direction: direction.optional(),
    objectives: z
      .array(z.strictObject({ metric: metricField, direction }).describe('metric and direction'))
      .min(2)
      .max(4)
      .optional()
      .describe('2 to 4 metrics to improve together, instead of metric and direction'),
    choose: z
      .enum(choiceRules)
      .optional()
      .describe('the trial of the Pareto front to train: balanced or first; default balanced'),
    warmStart: z
      .strictObject({
        from: z
          .string()
          .regex(/^(run_[0-9a-z]{1,64}|[a-z0-9][a-z0-9-]*@[1-9][0-9]*)$/, {
            error: 'must be a run such as run_01h…, or a version such as flight-delay@3',
          })
          .describe('the run, or the version as <model>@<number>, with the earlier study'),
      })
      .optional()
      .describe('an earlier study of the same lifecycle, from whose trials the sampler learns'),
    trials: z.int().min(1).max(10_000).describe('the number of trials, from 1 to 10000'),
    parallel: z
      .int()
      .min(1)
      .max(64)
      .default(2)
      .describe('the number of parallel trials, from 1 to 64'),
    sampler: z
      .enum(samplers)
      .default('tpe')
      .describe('the sampler: tpe, random, grid, cmaes or nsga2'),
    pruner: z
      .enum(pruners)
      .default('hyperband')
      .describe('the pruner: hyperband, asha, median or none'),
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

const checked = written.superRefine(({ objectives, metric, direction: towards }, context) => {
  const both = { metric, direction: towards };
  for (const [key, value] of Object.entries(both)) {
    if (objectives === undefined && value === undefined)
      context.addIssue({ code: 'custom', path: [key], message: 'is missing' });
    if (objectives !== undefined && value !== undefined)
      context.addIssue({ code: 'custom', path: [key], message: 'is given beside objectives' });
  }
});

/** The first of several objectives is the metric of the study. */
export const tuneSchema = z.codec(checked, z.custom<TuneSpec>(), {
  decode: ({ budget: budgetSeconds, ...rest }) =>
    ({ ...rest, ...rest.objectives?.[0], budgetSeconds }) as TuneSpec,
  encode: ({ budgetSeconds: budget, metric, direction: towards, ...rest }) =>
    ({
      ...rest,
      ...(rest.objectives === undefined ? { metric, direction: towards } : {}),
      budget,
    }) as z.output<typeof written>,
});
