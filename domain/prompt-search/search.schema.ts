import { z } from 'zod';
import { nameField } from '../document/field.schema';
import type { LifecycleSearchSpec, SearchSpec } from './search';

const text = z.string().max(100_000);

const proposerSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('grid'),
      axes: z
        .array(
          z.strictObject({
            message: z.int().min(0).default(0).describe('index of the message, from 0'),
            find: text.min(1).describe('the text that the options replace'),
            options: z.array(text).min(1).max(100).describe('texts to try'),
          }),
        )
        .min(1)
        .max(8)
        .describe('texts to replace; the grid combines all options'),
    }),
    z.strictObject({
      kind: z.literal('fewShot'),
      sizes: z
        .array(z.int().min(1).max(64))
        .min(1)
        .max(16)
        .default([2, 4, 8])
        .describe('numbers of examples to try'),
      draws: z.int().min(1).max(1_000).default(8).describe('number of random draws for each size'),
      pool: z
        .int()
        .min(1)
        .max(1_000)
        .default(32)
        .describe('number of cases to draw examples from; these cases are not scored'),
    }),
    z.strictObject({
      kind: z.literal('mutate'),
      provider: nameField('the name of a provider that the operator configured'),
      model: z.string().min(1).max(200).describe('the model that rewrites prompts'),
      parents: z
        .int()
        .min(1)
        .max(100)
        .default(3)
        .describe('number of best prompts to rewrite after each round'),
      children: z.int().min(1).max(100).default(4).describe('number of rewrites of each of them'),
    }),
  ])
  .describe('grid, fewShot or mutate');

/** A prompt search as a person writes it. */
export const searchSchema = z
  .strictObject({
    quality: nameField('the dimension to optimize'),
    proposers: z
      .array(proposerSchema)
      .min(1)
      .max(8)
      .describe('the sources of new variants: grid, fewShot and mutate'),
    variants: z
      .int()
      .min(2)
      .max(10_000)
      .default(64)
      .describe('largest number of prompts, from 2 to 10000'),
    halving: z
      .strictObject({
        firstCases: z
          .int()
          .min(1)
          .max(10_000)
          .default(8)
          .describe('number of cases of the first round'),
        eta: z
          .number()
          .gt(1)
          .max(10)
          .default(3)
          .describe('after a round, 1/eta of the prompts continue with eta times as many cases'),
      })
      .prefault({})
      .describe('how rounds drop the worse prompts: firstCases and eta'),
    confirm: z
      .number()
      .min(0.1)
      .max(0.9)
      .default(0.4)
      .describe('share of the cases that are kept to confirm the winner, from 0.1 to 0.9'),
    budgetUsd: z
      .number()
      .gt(0)
      .nullable()
      .default(null)
      .describe('budget of the search in US dollars; null for none of its own'),
    seed: z.int().min(0).default(1).describe('random seed, a whole number from 0'),
  })
  .describe('a search for a better prompt') satisfies z.ZodType<SearchSpec>;

/**
 * A search in a lifecycle. It optimizes `promptEval.quality` on the search slice, and the confirm
 * slice confirms the winner.
 */
export const lifecycleSearchSchema = searchSchema
  .omit({ quality: true, confirm: true })
  .describe(
    'a search for a better prompt, starting from the best candidate: proposers',
  ) satisfies z.ZodType<LifecycleSearchSpec>;
