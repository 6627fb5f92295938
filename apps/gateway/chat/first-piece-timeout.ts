import { failure } from '../../../domain/failure';
import type { ChatCall } from './chat-call';

interface Bounded {
  readonly call: ChatCall;
  readonly waitMs: number;
  readonly who: string;
}

/**
 * Limit the time to the first piece, or to the whole answer without pieces, with ProviderTimeout.
 * Nothing is sent after that, even if the provider does not stop.
 */
export async function withFirstPieceTimeout<T>(
  { call, waitMs, who }: Bounded,
  answer: (call: ChatCall) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const { onText } = call;
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const what = onText ? 'no first token' : 'no answer';
      const late = failure('ProviderTimeout', `${who} returned ${what} within ${waitMs} ms`);
      stop.abort(late);
      reject(late);
    }, waitMs);
  });
  const bounded: ChatCall = {
    ...call,
    signal: AbortSignal.any([call.signal, stop.signal]),
    ...(onText && {
      onText: (head, delta) => {
        if (stop.signal.aborted) return;
        clearTimeout(timer);
        return onText(head, delta);
      },
    }),
  };
  const answering = answer(bounded);
  // Its late outcome is ignored.
  answering.catch(() => undefined);
  try {
    return await Promise.race([answering, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
