import type { z } from 'zod';
import { failure } from '../../../domain/failure';
import type { ChatRequest, Usage } from '../../../domain/chat/chat';
import { maxEmbeddingUsage, maxUsage } from '../../../domain/provider/price';

/** Validate a response. A gateway in front of a provider may send anything with status 200. */
export function parseResponse<T>(
  schema: z.ZodType<T>,
  value: unknown,
  provider: string,
  what: string,
): T {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  // Names only the path, because the value may be a user's text.
  throw failure(
    'AnswerLost',
    `provider ${provider} sent an invalid ${what}: ` +
      `${issue?.code ?? 'invalid'} at /${issue?.path.join('/') ?? ''}`,
  );
}

export function parseEvent<T>(schema: z.ZodType<T>, data: string, provider: string): T {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    throw failure(
      'AnswerLost',
      `provider ${provider} sent an event that is not JSON (${data.length} characters)`,
    );
  }
  return parseResponse(schema, value, provider, 'event');
}

/** The usage for a server that reports none: four bytes per token, as in `likelyTokens`. */
export function estimatedUsage(request: ChatRequest, text: string): Usage {
  return {
    promptTokens: Math.ceil(maxUsage(request).promptTokens / 4),
    completionTokens: Math.ceil(Buffer.byteLength(text) / 4),
  };
}

/** The same estimate for texts that were embedded. */
export function estimatedEmbeddingTokens(texts: readonly string[]): number {
  return Math.ceil(maxEmbeddingUsage(texts).promptTokens / 4);
}
