import { z } from 'zod';

/**
 * The parts of Anthropic's Messages protocol that are read. Cached tokens are billed too, and
 * `input_tokens` does not include them.
 */
const inputUsage = z.object({
  input_tokens: z.int().min(0),
  cache_creation_input_tokens: z.int().min(0).nullish(),
  cache_read_input_tokens: z.int().min(0).nullish(),
});

export const anthropicMessage = z.object({
  model: z.string(),
  content: z.array(z.object({ type: z.string(), text: z.string().optional() })),
  stop_reason: z.string().nullish(),
  usage: inputUsage.extend({ output_tokens: z.int().min(0) }),
});

const knownEvent = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('message_start'),
    message: z.object({ model: z.string(), usage: inputUsage }),
  }),
  z.object({
    type: z.literal('content_block_delta'),
    delta: z.object({ type: z.string(), text: z.string().optional() }),
  }),
  z.object({
    type: z.literal('message_delta'),
    delta: z.object({ stop_reason: z.string().nullish() }),
    // The total of the answer so far, not of this event.
    usage: z.object({ output_tokens: z.int().min(0) }),
  }),
  z.object({ type: z.literal('message_stop') }),
  z.object({ type: z.literal('error'), error: z.looseObject({ type: z.string() }) }),
]);

const knownTypes = new Set([
  'message_start',
  'content_block_delta',
  'message_delta',
  'message_stop',
  'error',
]);

/**
 * Anthropic adds event types over time and asks clients to ignore unknown ones, such as `ping`.
 */
export const anthropicEvent = z.union([
  knownEvent,
  z
    .object({ type: z.string().refine((type) => !knownTypes.has(type)) })
    .transform(() => ({ type: 'other' as const })),
]);
