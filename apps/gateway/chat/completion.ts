import type { ChatHead, ChatReply } from './chat';

/** The bodies of the OpenAI API's chat completions. `model` is the version that answered, as the API says a dated snapshot for the name that was asked. */
export function completionOf({ answer, blocked, ...head }: ChatReply, created: number): unknown {
  return {
    ...commonOf(head, created),
    object: 'chat.completion',
    choices: [{ index: 0, message: messageOf(answer, blocked), logprobs: null, finish_reason: finishOf(answer) }],
    usage: usageOf(answer),
  };
}

export function chunkOf(
  head: ChatHead,
  created: number,
  delta: { readonly role?: 'assistant'; readonly content?: string; readonly refusal?: string },
): unknown {
  return chunk(head, created, [{ index: 0, delta, logprobs: null, finish_reason: null }]);
}

/** The JSON of `chunkOf` with a piece of content. All but the piece is the same for a whole stream, and made once: at 10,000 tokens a second that shows. */
export function pieceEncoder(head: ChatHead, created: number): (content: string) => string {
  const place = '\u0000';
  const [before = '', after = ''] = JSON.stringify(chunkOf(head, created, { content: place })).split(JSON.stringify(place));
  return (content) => before + JSON.stringify(content) + after;
}

export function lastChunkOf({ answer, ...head }: ChatReply, created: number): unknown {
  return chunk(head, created, [{ index: 0, delta: {}, logprobs: null, finish_reason: finishOf(answer) }]);
}

/** Comes after the last one where the caller wants it; it has no choices. */
export function usageChunkOf({ answer, ...head }: ChatReply, created: number): unknown {
  return { ...commonOf(head, created), object: 'chat.completion.chunk', choices: [], usage: usageOf(answer) };
}

function chunk(head: ChatHead, created: number, choices: readonly unknown[]): unknown {
  return { ...commonOf(head, created), object: 'chat.completion.chunk', choices };
}

function commonOf({ predictionId, served }: ChatHead, created: number) {
  return { id: predictionId, created, model: served.name };
}

/** The API's own word for an answer that is kept back. */
function messageOf({ text }: ChatReply['answer'], blocked: ChatReply['blocked']) {
  return { role: 'assistant', content: blocked === null ? text : null, refusal: blocked === null ? null : refusals[blocked] };
}

export const refusals = {
  input: 'The request was not passed on: the safety policy of this application does not allow it.',
  output: 'The answer is kept back: the safety policy of this application does not allow it.',
} as const;

function finishOf({ finish }: ChatReply['answer']): 'stop' | 'length' | 'content_filter' {
  return finish === 'filtered' ? 'content_filter' : finish;
}

function usageOf({ usage: { promptTokens, completionTokens } }: ChatReply['answer']) {
  return { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: promptTokens + completionTokens };
}
