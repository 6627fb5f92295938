import { z } from 'zod';
import type { ChatMessage } from '../../../domain/chat/chat';
import { bodyIssues, invalidBody } from '../openai-body';

const part = z.strictObject({
  type: z.literal('text', { error: 'only parts of type text are supported in this version' }),
  text: z.string(),
});

const message = z.object({
  role: z.enum(['system', 'developer', 'user', 'assistant'], {
    error: 'must be system, developer, user or assistant',
  }),
  content: z.union([z.string(), z.array(part).min(1).max(64)], {
    error: 'must be a text, or a list of parts of type text',
  }),
});

/**
 * Parameters that are part of what was evaluated and promoted. Clients send them by default, so
 * they are reported as ignored in the answer instead of refused.
 */
const fixed = [
  'temperature',
  'top_p',
  'seed',
  'stop',
  'presence_penalty',
  'frequency_penalty',
  'response_format',
] as const;

/** Parameters that can be ignored without a loss. */
const without = ['store', 'metadata', 'service_tier', 'prompt_cache_key'] as const;

const anything = (names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, z.unknown().optional()]));

export const chatRequestSchema = z.strictObject({
  model: z
    .string({ error: 'must be the name of a model, such as wiki-assistant or wiki-assistant@3' })
    .min(1)
    .max(200),
  messages: z.array(message, { error: 'must be a list of messages' }).min(1).max(1000),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  user: z.string().max(500).nullish(),
  safety_identifier: z.string().max(500).nullish(),
  n: z.literal(1, { error: 'must be 1, because one answer is returned per request' }).nullish(),
  ...anything(fixed),
  ...anything(without),
});

/** The body of `POST /v1/chat/completions`, as far as a release bundle permits it. */
export interface ChatBody {
  readonly model: string;
  /** The position of the first message with role `system` or `developer`; null without one. */
  readonly systemMessage: { readonly index: number; readonly role: 'system' | 'developer' } | null;
  /** The messages before the last user message. */
  readonly history: readonly ChatMessage[];
  /** The last user message. */
  readonly input: string;
  readonly streams: boolean;
  /** Whether a stream ends with its token usage. */
  readonly usageWanted: boolean;
  /** The caller's limit, if it is lower than that of the bundle. */
  readonly maxTokens: number | null;
  /** The caller's name for the user, who stays with one arm of a rollout. */
  readonly entity: string | null;
  /** Parameters of the body that the version fixes. */
  readonly fixed: readonly string[];
}

/** Parse the body. Throws InvalidInput with every error and its path. */
export function parseChatBody(body: unknown): ChatBody {
  const read = chatRequestSchema.safeParse(body);
  if (!read.success) throw invalidBody(read.error.issues.flatMap(bodyIssues));
  const { messages, ...given } = read.data;
  const last = messages.at(-1);
  if (last?.role !== 'user') {
    throw invalidBody([
      {
        pointer: `/messages/${messages.length - 1}/role`,
        detail: 'messages must end with a message of the user',
      },
    ]);
  }
  const limits = [given.max_tokens, given.max_completion_tokens].filter(
    (limit) => typeof limit === 'number',
  );
  return {
    model: given.model,
    systemMessage: systemMessageIn(messages),
    history: messages.slice(0, -1).map(({ role, content }) => ({
      role: role === 'developer' ? 'system' : role,
      content: toText(content),
    })),
    input: toText(last.content),
    streams: given.stream ?? false,
    usageWanted: given.stream_options?.include_usage ?? false,
    maxTokens: limits.length > 0 ? Math.min(...limits) : null,
    entity: given.safety_identifier ?? given.user ?? null,
    fixed: fixed.filter((name) => (given as Readonly<Record<string, unknown>>)[name] !== undefined),
  };
}

/** @throws InvalidInput that names the message, in the format of the OpenAI API */
export function refuseSystemMessage(
  { index, role }: NonNullable<ChatBody['systemMessage']>,
  version: string,
): never {
  throw invalidBody([
    {
      pointer: `/messages/${index}/role`,
      detail:
        `messages[${index}].role: ${version} accepts no ${role} messages from callers, because they would override its own prompt; ` +
        'send the text as role user, or set callerSystemMessages: allowed in its prompt',
    },
  ]);
}

function systemMessageIn(
  messages: readonly { readonly role: string }[],
): ChatBody['systemMessage'] {
  const index = messages.findIndex(({ role }) => role === 'system' || role === 'developer');
  return index === -1
    ? null
    : { index, role: messages[index]?.role === 'developer' ? 'developer' : 'system' };
}

function toText(content: string | readonly { readonly text: string }[]): string {
  return typeof content === 'string' ? content : content.map(({ text }) => text).join('\n');
}
