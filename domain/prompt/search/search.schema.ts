import { z } from 'zod';
import { nameField } from '../../document/field.schema';
import type { LifecycleSearchSpec, SearchSpec } from './search';

const text = z.string().max(100_000);

const proposerSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('grid'),
      axes: z
        .array(
          z.strictObject({
            message: z.int().min(0).default(0).describe('the place of the message, from 0'),
            find: text.min(1).describe('the text that the options take the place of'),
            options: z.array(text).min(1).max(100).describe('texts, each tried'),
          }),
        )
        .min(1)
        .max(8),
    }),
    z.strictObject({
      kind: z.literal('fewShot'),
      sizes: z
        .array(z.int().min(1).max(64))
        .min(1)
        .max(16)
        .default([2, 4, 8])
        .describe('how many examples are shown'),
      draws: z.int().min(1).max(1_000).default(8).describe('how often each size is drawn'),
      pool: z
        .int()
        .min(1)
        .max(1_000)
        .default(32)
        .describe('cases to draw examples from, which are then asked no more'),
    }),
    z.strictObject({
      kind: z.literal('mutate'),
      provider: nameField('the name of a provider of this lifecycle'),
      model: z.string().min(1).max(200),
      parents: z
        .int()
        .min(1)
        .max(100)
        .default(3)
        .describe('how many of the best are rewritten after each round'),
      children: z.int().min(1).max(100).default(4).describe('how often each of them'),
    }),
  ])
  .describe('grid, fewShot or mutate');

/** A prompt search as a person writes it. */
export const searchSchema = z
  .strictObject({
    quality: nameField('the dimension to be raised'),
    proposers: z.array(proposerSchema).min(1).max(8),
    variants: z
      .int()
      .min(2)
      .max(10_000)
      .default(64)
      .describe('2 to 10000: at most so many prompts'),
    halving: z
      .strictObject({
        firstCases: z.int().min(1).max(10_000).default(8).describe('cases of the first round'),
        eta: z
          .number()
          .gt(1)
          .max(10)
          .default(3)
          .describe('above 1: of n variants n/eta go on to eta times as many cases'),
      })
      .prefault({}),
    confirm: z
      .number()
      .min(0.1)
      .max(0.9)
      .default(0.4)
      .describe('a share from 0.1 to 0.9: cases that the search never sees'),
    budgetUsd: z
      .number()
      .gt(0)
      .nullable()
      .default(null)
      .describe('US dollars; no limit of its own when left out'),
    seed: z.int().min(0).default(1),
  })
  .describe('a search for a better prompt') satisfies z.ZodType<SearchSpec>;

/**
 * A search in a lifecycle: it raises what prompts are chosen by, on the cases that they are chosen
 * by, and the lifecycle's own held-out cases confirm it.
 */
export const lifecycleSearchSchema = searchSchema
  .omit({ quality: true, confirm: true })
  .describe(
    'a search for a better prompt, from the best candidate: proposers',
  ) satisfies z.ZodType<LifecycleSearchSpec>;
