import { failure, isPerennialError } from '../../../domain/failure';
import type { ChatAnswer, ChatRequest } from '../../../domain/chat/chat';
import type { ProviderSettings } from '../../../domain/provider/settings';
import { replaceLoneSurrogates } from '../../../domain/text';
import type { ChatOptions, ModelProvider, OnText } from './provider';
import { withheldAnswer } from './withheld-answer';

/**
 * Send one request with its two timeouts. An answer that the provider's content filter withholds
 * counts as an answer: a retry or another provider would circumvent the filter.
 */
export async function attemptChat(
  provider: ModelProvider,
  timeouts: ProviderSettings['timeouts'],
  request: ChatRequest,
  options: ChatOptions,
): Promise<ChatAnswer> {
  const startedAt = performance.now();
  const answer = await inTime(provider, timeouts, request, options).catch((error: unknown) => {
    if (!isPerennialError(error) || error.type !== 'AnswerWithheld') throw error;
    return withheldAnswer(request, performance.now() - startedAt);
  });
  return { ...answer, text: replaceLoneSurrogates(answer.text) };
}

/** The first-token timeout ends with the first piece of text; the total timeout continues. */
async function inTime(
  provider: ModelProvider,
  { firstTokenMs, totalMs }: ProviderSettings['timeouts'],
  request: ChatRequest,
  { signal, onText, ...options }: ChatOptions,
): Promise<ChatAnswer> {
  const what = `provider ${provider.name} (${request.model}) did not complete its answer`;
  if (onText === undefined)
    return withinProviderTime(totalMs, signal, what, (total) =>
      provider.chat(request, { ...options, signal: total }),
    );
  const reader = timedReader(onText);
  const chat = async (total: AbortSignal, abort: (reason: Error) => void): Promise<ChatAnswer> => {
    const noToken = () =>
      abort(
        timeout(`provider ${provider.name} (${request.model}) sent no first token`, firstTokenMs),
      );
    const timer = setTimeout(noToken, firstTokenMs);
    try {
      return await provider.chat(request, {
        ...options,
        signal: total,
        onText: (delta) => {
          clearTimeout(timer);
          return reader.onText(delta);
        },
      });
    } finally {
      clearTimeout(timer);
    }
  };
  return withinProviderTime(totalMs, signal, what, chat, reader.heldUpMs);
}

/** Measures how long the stream was paused for a slow reader, which is not the provider's fault. */
function timedReader(onText: OnText): { readonly onText: OnText; readonly heldUpMs: () => number } {
  let [heldUpMs, behind, since] = [0, 0, 0];
  const caughtUp = (): void => {
    behind -= 1;
    if (behind === 0) heldUpMs += performance.now() - since;
  };
  return {
    onText: (delta) => {
      const room = onText(delta);
      if (room === undefined) return;
      if (behind === 0) since = performance.now();
      behind += 1;
      return room.finally(caughtUp);
    },
    heldUpMs: () => heldUpMs + (behind > 0 ? performance.now() - since : 0),
  };
}

/**
 * Abort the work with ProviderTimeout after `totalMs`, or with the reason of `signal`. The time
 * that `heldUpMs` reports is added to the limit.
 */
export async function withinProviderTime<T>(
  totalMs: number,
  signal: AbortSignal | undefined,
  what: string,
  work: (signal: AbortSignal, abort: (reason: Error) => void) => Promise<T>,
  heldUpMs: () => number = () => 0,
): Promise<T> {
  const own = new AbortController();
  let grantedMs = 0;
  const over = (): void => {
    const moreMs = heldUpMs() - grantedMs;
    grantedMs += moreMs;
    if (moreMs > 0) timer = setTimeout(over, moreMs);
    else own.abort(timeout(what, totalMs));
  };
  let timer = setTimeout(over, totalMs);
  const onGone = (): void => own.abort(signal?.reason);
  if (signal?.aborted === true) onGone();
  signal?.addEventListener('abort', onGone, { once: true });
  try {
    return await work(own.signal, (reason) => own.abort(reason));
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onGone);
  }
}

function timeout(what: string, ms: number): Error {
  return failure('ProviderTimeout', `${what} within ${ms / 1000} s`);
}
