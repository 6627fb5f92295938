import type { ChatHead, ChatReply } from './chat-call';
import { listAnnotations, listSources } from './retrieve';

/**
 * The bodies of the OpenAI API's chat completions. `model` is the version that answered, as the API
 * returns a dated snapshot for a model name.
 */
export function buildCompletion(
  { answer, blocked, retrieved, ...head }: ChatReply,
  created: number,
): unknown {
  return {
    ...buildCommon(head, created),
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: buildMessage(answer, blocked, retrieved),
        logprobs: null,
        finish_reason: toFinishReason(answer),
      },
    ],
    usage: toUsage(answer),
    ...withSources(answer, retrieved),
  };
}

export function buildChunk(
  head: ChatHead,
  created: number,
  delta: { readonly role?: 'assistant'; readonly content?: string; readonly refusal?: string },
): unknown {
  return chunk(head, created, [{ index: 0, delta, logprobs: null, finish_reason: null }]);
}

/**
 * The JSON of `buildChunk` with a piece of content. Everything but the piece is computed once per
 * stream, which matters at 10,000 tokens per second.
 */
export function pieceEncoder(head: ChatHead, created: number): (content: string) => string {
  const place = '\u0000';
  const [before = '', after = ''] = JSON.stringify(
    buildChunk(head, created, { content: place }),
  ).split(JSON.stringify(place));
  return (content) => before + JSON.stringify(content) + after;
}

/** Citations refer to the whole text, so they come at the end. */
export function buildLastChunk({ answer, retrieved, ...head }: ChatReply, created: number): object {
  const delta = retrieved === null ? {} : { annotations: listAnnotations(answer.text, retrieved) };
  const choices = [{ index: 0, delta, logprobs: null, finish_reason: toFinishReason(answer) }];
  return { ...chunk(head, created, choices), ...withSources(answer, retrieved) };
}

/** The last chunk if the caller wants the token usage; it has no choices. */
export function buildUsageChunk({ answer, ...head }: ChatReply, created: number): unknown {
  return {
    ...buildCommon(head, created),
    object: 'chat.completion.chunk',
    choices: [],
    usage: toUsage(answer),
  };
}

function chunk(head: ChatHead, created: number, choices: readonly unknown[]): object {
  return { ...buildCommon(head, created), object: 'chat.completion.chunk', choices };
}

function buildCommon({ predictionId, served }: ChatHead, created: number) {
  return { id: predictionId, created, model: served.name };
}

/** The message in the format of the API, in which a withheld answer is a `refusal`. */
function buildMessage(
  { text }: ChatReply['answer'],
  blocked: ChatReply['blocked'],
  retrieved: ChatReply['retrieved'],
) {
  if (blocked !== null) return { role: 'assistant', content: null, refusal: refusals[blocked] };
  return {
    role: 'assistant',
    content: text,
    refusal: null,
    ...(retrieved && { annotations: listAnnotations(text, retrieved) }),
  };
}

/** A field of Perennial beside those of the API; clients ignore unknown fields. */
function withSources({ text }: ChatReply['answer'], retrieved: ChatReply['retrieved']): object {
  return retrieved === null ? {} : { perennial: listSources(text, retrieved) };
}

export const refusals = {
  input: 'The safety policy of this application does not allow this request.',
  output: 'The safety policy of this application does not allow this answer.',
} as const;

function toFinishReason({ finish }: ChatReply['answer']): 'stop' | 'length' | 'content_filter' {
  return finish === 'filtered' ? 'content_filter' : finish;
}

function toUsage({ usage: { promptTokens, completionTokens } }: ChatReply['answer']) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}
