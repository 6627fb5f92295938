import type { ChatHead, ChatReply } from './chat-call';
import { annotationsOf, sourcesOf } from './retrieve';

/**
 * The bodies of the OpenAI API's chat completions. `model` is the version that answered, as the API
 * returns a dated snapshot for a model name.
 */
export function completionOf(
  { answer, blocked, retrieved, ...head }: ChatReply,
  created: number,
): unknown {
  return {
    ...commonOf(head, created),
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: messageOf(answer, blocked, retrieved),
        logprobs: null,
        finish_reason: finishOf(answer),
      },
    ],
    usage: usageOf(answer),
    ...withSources(answer, retrieved),
  };
}

export function chunkOf(
  head: ChatHead,
  created: number,
  delta: { readonly role?: 'assistant'; readonly content?: string; readonly refusal?: string },
): unknown {
  return chunk(head, created, [{ index: 0, delta, logprobs: null, finish_reason: null }]);
}

/**
 * The JSON of `chunkOf` with a piece of content. Everything but the piece is computed once per
 * stream, which matters at 10,000 tokens per second.
 */
export function pieceEncoder(head: ChatHead, created: number): (content: string) => string {
  const place = '\u0000';
  const [before = '', after = ''] = JSON.stringify(
    chunkOf(head, created, { content: place }),
  ).split(JSON.stringify(place));
  return (content) => before + JSON.stringify(content) + after;
}

/** Citations refer to the whole text, so they come at the end. */
export function lastChunkOf({ answer, retrieved, ...head }: ChatReply, created: number): object {
  const delta = retrieved === null ? {} : { annotations: annotationsOf(answer.text, retrieved) };
  const choices = [{ index: 0, delta, logprobs: null, finish_reason: finishOf(answer) }];
  return { ...chunk(head, created, choices), ...withSources(answer, retrieved) };
}

/** The last chunk if the caller wants the token usage; it has no choices. */
export function usageChunkOf({ answer, ...head }: ChatReply, created: number): unknown {
  return {
    ...commonOf(head, created),
    object: 'chat.completion.chunk',
    choices: [],
    usage: usageOf(answer),
  };
}

function chunk(head: ChatHead, created: number, choices: readonly unknown[]): object {
  return { ...commonOf(head, created), object: 'chat.completion.chunk', choices };
}

function commonOf({ predictionId, served }: ChatHead, created: number) {
  return { id: predictionId, created, model: served.name };
}

/** The message in the format of the API, in which a withheld answer is a `refusal`. */
function messageOf(
  { text }: ChatReply['answer'],
  blocked: ChatReply['blocked'],
  retrieved: ChatReply['retrieved'],
) {
  if (blocked !== null) return { role: 'assistant', content: null, refusal: refusals[blocked] };
  return {
    role: 'assistant',
    content: text,
    refusal: null,
    ...(retrieved && { annotations: annotationsOf(text, retrieved) }),
  };
}

/** A field of Perennial beside those of the API; clients ignore unknown fields. */
function withSources({ text }: ChatReply['answer'], retrieved: ChatReply['retrieved']): object {
  return retrieved === null ? {} : { perennial: sourcesOf(text, retrieved) };
}

export const refusals = {
  input: 'The safety policy of this application does not allow this request.',
  output: 'The safety policy of this application does not allow this answer.',
} as const;

function finishOf({ finish }: ChatReply['answer']): 'stop' | 'length' | 'content_filter' {
  return finish === 'filtered' ? 'content_filter' : finish;
}

function usageOf({ usage: { promptTokens, completionTokens } }: ChatReply['answer']) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}
