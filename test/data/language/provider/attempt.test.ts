import { attemptChat } from '../../../../data/language/provider/attempt';
import type { ModelProvider, OnText } from '../../../../data/language/provider/provider';
import { canonicalJson } from '../../../../domain/canonical';
import type { ChatRequest } from '../../../../domain/chat/chat';

const request: ChatRequest = {
  model: 'm',
  messages: [{ role: 'user', content: '?' }],
  sampling: { temperature: 0, topP: 1, maxTokens: 10, seed: null, stop: [] },
  jsonSchema: null,
};
const pause = (ms: number) => new Promise<void>((later) => setTimeout(later, ms));

/** Sends two words, waits for its reader, and pauses in between. */
function provider(ownMs: number, text = 'ab'): ModelProvider {
  return {
    name: 'p',
    async chat(_request, { onText, signal }) {
      await onText?.('a');
      await pause(ownMs);
      signal?.throwIfAborted();
      await onText?.('b');
      signal?.throwIfAborted();
      return {
        text,
        finish: 'stop',
        usage: { promptTokens: 1, completionTokens: 2 },
        model: 'm',
        firstTokenMs: 1,
        totalMs: 1,
      };
    },
    embed: () => Promise.reject(new Error('not asked')),
    models: () => Promise.resolve(['m']),
  };
}

const ask = (ownMs: number, onText: OnText) =>
  attemptChat(provider(ownMs), { firstTokenMs: 5000, totalMs: 300 }, request, { onText });

afterEach(() => jest.useRealTimers());

test('the time of a slow reader does not count against the provider', async () => {
  jest.useFakeTimers();
  const asked = ask(1, () => pause(400));
  await jest.advanceTimersByTimeAsync(1_000);
  expect(await asked).toMatchObject({ text: 'ab' });
});

test('a slow reader does not extend the timeout of a slow provider', async () => {
  // Far beyond the timeout: on a busy machine the reader's pause takes longer than planned,
  // and the timeout is extended by as much.
  await Promise.all(
    [() => pause(20), () => undefined].map((reader) =>
      expect(ask(2_000, reader)).rejects.toMatchObject({ type: 'ProviderTimeout' }),
    ),
  );
});

test('an answer with a lone surrogate can be judged and stored', async () => {
  const given = await attemptChat(
    provider(1, 'so \ud83d, or 😀'),
    { firstTokenMs: 5000, totalMs: 5000 },
    request,
    {},
  );
  expect(given.text).toBe('so \ufffd, or 😀');
  expect(() => canonicalJson(given)).not.toThrow();
});
