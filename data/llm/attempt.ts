import { failure } from '../../domain/failure';
import type { ChatAnswer, ChatRequest } from '../../domain/llm/chat';
import type { ProviderSettings } from '../../domain/llm/provider-settings';
import type { ChatOptions, ModelProvider } from './provider';

/** One request with its two timeouts. A stream that was begun has its first token; what then takes too long is the whole. */
export async function attemptChat(
  provider: ModelProvider,
  { firstTokenMs, totalMs }: ProviderSettings['timeouts'],
  request: ChatRequest,
  { signal, onText, ...options }: ChatOptions,
): Promise<ChatAnswer> {
  return within(totalMs, signal, `${provider.name} (${request.model}) did not end its answer`, async (total, abort) => {
    if (onText === undefined) return provider.chat(request, { ...options, signal: total });
    const noToken = () => abort(timeout(`${provider.name} (${request.model}) sent no first token`, firstTokenMs));
    const timer = setTimeout(noToken, firstTokenMs);
    try {
      return await provider.chat(request, {
        ...options,
        signal: total,
        onText: (delta) => {
          clearTimeout(timer);
          onText(delta);
        },
      });
    } finally {
      clearTimeout(timer);
    }
  });
}

/** The work is aborted with ProviderTimeout, and with the caller's reason when the caller goes away. */
export async function within<T>(
  totalMs: number,
  signal: AbortSignal | undefined,
  what: string,
  work: (signal: AbortSignal, abort: (reason: Error) => void) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  const timer = setTimeout(() => own.abort(timeout(what, totalMs)), totalMs);
  try {
    return await work(signal ? AbortSignal.any([own.signal, signal]) : own.signal, (reason) => own.abort(reason));
  } finally {
    clearTimeout(timer);
  }
}

function timeout(what: string, ms: number): Error {
  return failure('ProviderTimeout', `${what} within ${ms / 1000} s`);
}
