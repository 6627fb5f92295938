import {
  createChatShadow,
  type ChatShadow,
  type ShadowAnswer,
} from '../../../../apps/gateway/chat/chat-shadow';
import { gatewayDefaults, type ChatShadowLimits } from '../../../../apps/gateway/config';
import type { ServedVersion } from '../../../../apps/gateway/model/served-version';
import type { ShadowOutcome } from '../../../../apps/gateway/routing/shadow';
import { failure } from '../../../../domain/failure';
import type { LoggedAnswer } from '../../../../domain/bundle/logged-answer';

interface Setting {
  readonly shadow: ChatShadow;
  readonly outcomes: ShadowOutcome[];
  readonly holds: () => number;
  readonly served: ServedVersion;
}

function setting(limits: Partial<ChatShadowLimits> = {}): Setting {
  const outcomes: ShadowOutcome[] = [];
  let holds = 0;
  const hold = () => {
    holds += 1;
    return { release: () => (holds -= 1) };
  };
  const onOutcome = (_served: ServedVersion, outcome: ShadowOutcome) => outcomes.push(outcome);
  return {
    shadow: createChatShadow({ ...gatewayDefaults.chat.shadow, ...limits, onOutcome }),
    outcomes,
    holds: () => holds,
    served: { model: 'm', version: 2, name: 'm@2', hold: { hold } } as unknown as ServedVersion,
  };
}

function answer(tokens: number): LoggedAnswer {
  const usage = { promptTokens: tokens - 1, completionTokens: 1 };
  return {
    text: 'yes',
    finish: 'stop',
    usage,
    firstTokenMs: null,
    blocked: null,
    malformed: false,
    error: null,
    safety: null,
    retrieved: null,
  };
}

/** A request that the test answers. */
function held() {
  let free: (answered: LoggedAnswer) => void = () => undefined;
  let asked = false;
  const ask = (signal: AbortSignal): Promise<LoggedAnswer> => {
    asked = true;
    return new Promise((fulfil, reject) => {
      free = fulfil;
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  };
  return { ask, wasAsked: () => asked, free: (tokens = 2) => free(answer(tokens)) };
}

const beside = (
  { shadow, served }: Setting,
  ask: (signal: AbortSignal) => Promise<LoggedAnswer>,
): Promise<ShadowAnswer | null> => new Promise((done) => shadow.add({ served, ask, done }));
const turns = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('asking another version after an answer', () => {
  test('asks a limited number at once and the rest later', async () => {
    const at = setting({ maxAtOnce: 2 });
    const calls = [held(), held(), held()];
    const asked = calls.map(({ ask }) => beside(at, ask));
    await turns();
    expect(calls.map((call) => call.wasAsked())).toEqual([true, true, false]);
    expect(at.shadow.waiting()).toBe(1);
    calls[0]?.free();
    await asked[0];
    await turns();
    expect(calls[2]?.wasAsked()).toBe(true);
    calls[1]?.free();
    calls[2]?.free();
    expect(await Promise.all(asked)).toMatchObject([
      { error: null },
      { error: null },
      { error: null },
    ]);
    await turns();
    expect([at.outcomes, at.holds()]).toEqual([['scored', 'scored', 'scored'], 0]);
  });

  test('skips what exceeds the queue, the wait time or the token budget', async () => {
    const start = performance.now();
    const clock = jest.spyOn(performance, 'now').mockReturnValue(start);
    const full = setting({ maxAtOnce: 1, maxWaiting: 1, longestWaitMs: 30 });
    const slow = held();
    const asked = beside(full, slow.ask);
    await turns();
    const waiting = beside(full, held().ask);
    expect(await beside(full, held().ask)).toBeNull();
    clock.mockReturnValue(start + 31);
    slow.free();
    expect(await asked).toMatchObject({ output: { text: 'yes' } });
    expect(await waiting).toBeNull();
    clock.mockRestore();

    const poor = setting({ maxAtOnce: 1, tokensPerHour: 100 });
    expect(await beside(poor, () => Promise.resolve(answer(80)))).not.toBeNull();
    expect(await beside(poor, () => Promise.resolve(answer(80)))).not.toBeNull();
    expect(await beside(poor, () => Promise.resolve(answer(80)))).toBeNull();
    expect(poor.outcomes).toEqual(['scored', 'scored', 'dropped']);
  });

  test('reports failures by their type; a rate limit is no failure of the version', async () => {
    const at = setting({ timeoutMs: 20 });
    expect(await beside(at, held().ask)).toMatchObject({ output: null, error: 'ProviderTimeout' });
    expect(
      await beside(at, () => Promise.reject(failure('ContextOverflow', 'too long'))),
    ).toMatchObject({ error: 'ContextOverflow' });
    expect(
      await beside(at, () => Promise.reject(failure('ProviderRateLimited', 'later'))),
    ).toBeNull();
    expect(at.outcomes).toEqual(['failed', 'failed', 'dropped']);
  });

  test('stops at once when the process ends', async () => {
    const at = setting({ maxAtOnce: 1 });
    const asked = [beside(at, held().ask), beside(at, held().ask)];
    await turns();
    await at.shadow.stop();
    expect(await Promise.all(asked)).toEqual([null, null]);
    expect(await beside(at, held().ask)).toBeNull();
    expect([at.outcomes, at.holds()]).toEqual([['dropped', 'dropped', 'dropped'], 0]);
  });
});
