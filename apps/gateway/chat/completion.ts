import type { ChatAnswer } from '../../../domain/llm/chat';
import type { ChatHead, ChatReply } from './chat';

/** The bodies of the OpenAI API's chat completions. `model` is the version that answered, as the API says a dated snapshot for the name that was asked. */
export function completionOf({ answer, ...head }: ChatReply, created: number): unknown {
  return {
    ...commonOf(head, created),
    object: 'chat.completion',
    choices: [
      { index: 0, message: { role: 'assistant', content: answer.text, refusal: null }, logprobs: null, finish_reason: finishOf(answer) },
    ],
    usage: usageOf(answer),
  };
}

export function chunkOf(head: ChatHead, created: number, delta: { readonly role?: 'assistant'; readonly content?: string }): unknown {
  return chunk(head, created, [{ index: 0, delta, logprobs: null, finish_reason: null }]);
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

function finishOf({ finish }: ChatAnswer): 'stop' | 'length' | 'content_filter' {
  return finish === 'filtered' ? 'content_filter' : finish;
}

function usageOf({ usage: { promptTokens, completionTokens } }: ChatAnswer) {
  return { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: promptTokens + completionTokens };
}
