import type { z } from 'zod';
import { failure } from '../../../domain/failure';
import type { ChatRequest, Usage } from '../../../domain/language/chat';
import { mostEmbeddingUsage, mostUsage } from '../../../domain/language/provider/price';

/** What a provider sent, checked: a gateway in front of it may answer anything with status 200. */
export function readWire<T>(
  schema: z.ZodType<T>,
  value: unknown,
  provider: string,
  what: string,
): T {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  // Only the place: the value may be somebody's text.
  throw failure(
    'AnswerLost',
    `${provider} sent no ${what}: ${issue?.code ?? 'invalid'} at /${issue?.path.join('/') ?? ''}`,
  );
}

export function readEvent<T>(schema: z.ZodType<T>, data: string, provider: string): T {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    throw failure(
      'AnswerLost',
      `${provider} sent an event that is not JSON (${data.length} characters)`,
    );
  }
  return readWire(schema, value, provider, 'event of its protocol');
}

/** Where a server counts nothing: four bytes a token, as `likelyTokens` has it. */
export function estimatedUsage(request: ChatRequest, text: string): Usage {
  return {
    promptTokens: Math.ceil(mostUsage(request).promptTokens / 4),
    completionTokens: Math.ceil(Buffer.byteLength(text) / 4),
  };
}

/** The same for texts that were embedded. */
export function estimatedEmbeddingTokens(texts: readonly string[]): number {
  return Math.ceil(mostEmbeddingUsage(texts).promptTokens / 4);
}
