import { z } from 'zod';

/**
 * The parts of OpenAI's Chat Completions protocol that are read. Servers add their own keys and
 * omit keys without a value.
 */
const usage = z.object({ prompt_tokens: z.int().min(0), completion_tokens: z.int().min(0) });

export const openAiCompletion = z.object({
  model: z.string().optional(),
  choices: z
    .array(
      z.object({
        message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
        finish_reason: z.string().nullish(),
      }),
    )
    .min(1),
  usage: usage.nullish(),
});

/** One chunk of a stream. An error after the first chunk arrives as a chunk, too. */
export const openAiChunk = z.object({
  model: z.string().optional(),
  choices: z
    .array(
      z.object({
        delta: z
          .object({ content: z.string().nullish(), refusal: z.string().nullish() })
          .optional(),
        finish_reason: z.string().nullish(),
      }),
    )
    .default([]),
  usage: usage.nullish(),
  error: z.unknown().optional(),
});

export const openAiEmbeddings = z.object({
  data: z.array(
    z.object({ index: z.int().min(0), embedding: z.union([z.array(z.number()), z.string()]) }),
  ),
  usage: z.object({ prompt_tokens: z.int().min(0) }).nullish(),
});

export const modelList = z.object({
  data: z.array(z.object({ id: z.string() })),
  has_more: z.boolean().nullish(),
  last_id: z.string().nullish(),
});
