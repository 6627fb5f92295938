import { z } from 'zod';
import { failure } from '../../../domain/failure';
import type { Endpoint } from './endpoint';
import { parseResponse } from './wire';

/** Results by category. A server may omit flags or scores. */
export interface Moderation {
  readonly flags: Readonly<Record<string, boolean>>;
  readonly scores: Readonly<Record<string, number>>;
}

export interface ProviderModeration {
  moderate(
    input: { readonly model: string; readonly text: string },
    options: ModerateOptions,
  ): Promise<Moderation>;
}

export interface ModerateOptions {
  readonly signal?: AbortSignal | undefined;
  readonly requestId?: string | undefined;
}

const moderations = z.object({
  results: z
    .array(
      z.object({
        categories: z.record(z.string(), z.boolean().nullish()).default({}),
        category_scores: z.record(z.string(), z.number().nullish()).default({}),
      }),
    )
    .length(1),
});

/** OpenAI's `/moderations`, which other servers also implement. */
export function openAiModeration(name: string, endpoint: Endpoint): ProviderModeration {
  return {
    async moderate({ model, text }, { signal, requestId }) {
      const body = { model, input: text };
      const answer = await endpoint.json({ path: '/moderations', body, model, signal, requestId });
      const { categories, category_scores: scores } =
        parseResponse(moderations, answer, name, 'moderation').results[0] ?? {};
      const read = { flags: keepKnown(categories ?? {}), scores: keepKnown(scores ?? {}) };
      if (Object.keys(read.flags).length + Object.keys(read.scores).length > 0) return read;
      throw failure('AnswerLost', `provider ${name} sent a moderation without a category`);
    },
  };
}

function keepKnown<T>(
  values: Readonly<Record<string, T | null | undefined>>,
): Readonly<Record<string, T>> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) =>
      value === null || value === undefined ? [] : [[name, value]],
    ),
  );
}
