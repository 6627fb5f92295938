import { setTimeout as sleep } from 'node:timers/promises';
import { bulkhead } from 'cockatiel';
import { type ModelAccess, openModelAccess } from '../../../data/language/model-access';
import type {
  AccessOptions,
  AttemptJournal,
  ConcurrencySlot,
} from '../../../data/language/attempt';
import { failure } from '../../../domain/failure';
import type { ChatAnswer } from '../../../domain/chat/chat';
import type { ProviderSettings } from '../../../domain/provider/settings';
import type { Tenant } from '../../../domain/ids';
import { noSecret, providerAt, question, tenant } from '../../support/provider/model-access';
import {
  openScriptedProvider,
  type Fault,
  type Script,
  type ScriptedProvider,
} from '../../support/provider/scripted-provider';
import { holdClock, type HeldClock } from '../../support/time/held-clock';
import { until } from '../../support/time/until';

/** Records like the ledger and reports how the attempt ended. */
function opened(
  ends: string[] = [],
  writes: Promise<void> = Promise.resolve(),
): Awaited<ReturnType<AttemptJournal['begin']>> {
  return {
    kind: 'send',
    requestId: 'one',
    async answered(answer) {
      await writes;
      ends.push('answered');
      return { answer, provider: 'recorded' };
    },
    failed: (type) => Promise.resolve(void ends.push(`failed ${type}`)),
    unsent: () => void ends.push('unsent'),
  };
}

describe('access to models', () => {
  const closers: (() => Promise<void>)[] = [];
  let access: ModelAccess;
  const serve = async (script: Script = {}): Promise<ScriptedProvider> => {
    const server = await openScriptedProvider(script);
    closers.push(() => server.close());
    return server;
  };
  const heldTime = (): HeldClock => {
    const clock = holdClock();
    closers.push(() => {
      clock.release();
      return Promise.resolve();
    });
    return clock;
  };
  const open = (...providers: ProviderSettings[]) => {
    access = openModelAccess(providers, noSecret);
    closers.push(() => access.close());
  };
  afterEach(async () => {
    await Promise.all(closers.splice(0).map((close) => close()));
  });
  const scripted = { provider: 'scripted', model: 'scripted' };
  const standby = { provider: 'standby', model: 'scripted' };
  const ask = (
    text = 'hello',
    options: Partial<Pick<AccessOptions, 'onText' | 'tenant' | 'patienceMs' | 'place'>> = {},
  ) => access.chat([scripted], question(text), { tenant, ...options });

  test('a rate-limited provider is asked again after its pause, and by no other request before', async () => {
    const times: number[] = [];
    const server = await serve({
      fault: (_, number) => (
        times.push(Date.now()),
        number === 0 ? { kind: 'rateLimited', headers: { 'retry-after-ms': '300' } } : null
      ),
    });
    open(
      providerAt(server.url, {
        limits: { requestsPerMinute: null, tokensPerMinute: null, concurrency: 1 },
      }),
    );
    await Promise.all([ask('one'), ask('two')]);
    expect(times).toHaveLength(3);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(295);
  });

  test('without the embedded model, the error says how to start it', async () => {
    const model = { provider: 'embedded', model: 'smollm2-135m-instruct' };
    open();
    await expect(access.chat([model], question('?'), { tenant })).rejects.toMatchObject({
      type: 'NotFound',
      message: 'the embedded language model is not running',
      next: expect.stringContaining('PERENNIAL_LLM_SERVER=true') as string,
    });
    await access.close();
    open(providerAt('http://127.0.0.1:1', { name: 'acme' }));
    await expect(access.chat([model], question('?'), { tenant })).rejects.toMatchObject({
      next: expect.stringContaining('or use a configured provider: acme') as string,
    });
  });

  test('server errors and lost answers are retried, and errors of the caller are not', async () => {
    const server = await serve({
      fault: (_, number) =>
        ([{ kind: 'error', status: 500 }, { kind: 'garbage' }] as const)[number] ?? null,
    });
    open(providerAt(server.url));
    expect((await ask()).answer.text).toMatch(/^answer /);
    expect(server.requests).toHaveLength(3);
    await expect(
      access.chat([{ ...scripted, model: 'none' }], question('?'), { tenant }),
    ).rejects.toMatchObject({ type: 'ModelNotFound' });
    expect(server.requests).toHaveLength(4);
  });

  test('after text was streamed no other answer follows', async () => {
    const server = await serve({ fault: () => ({ kind: 'cut', afterTokens: 2 }) });
    const second = await serve();
    open(providerAt(server.url), providerAt(second.url, { name: 'standby' }));
    let heard = '';
    const asked = access.chat([scripted, standby], question('?'), {
      tenant,
      onText: (delta) => void (heard += delta),
    });
    await expect(asked).rejects.toMatchObject({ type: 'AnswerLost' });
    expect(heard.trim().split(' ')).toHaveLength(2);
    expect([server.requests.length, second.requests.length]).toEqual([1, 0]);
  });

  test('standbys answer in their order and are named in the answer', async () => {
    const [first, second, third] = await Promise.all([
      serve({ fault: () => ({ kind: 'rateLimited', headers: { 'retry-after': '3600' } }) }),
      serve(),
      serve(),
    ]);
    open(
      providerAt(first.url),
      providerAt(second.url, { name: 'standby' }),
      providerAt(third.url, { name: 'third' }),
    );
    const answered = await access.chat(
      [scripted, standby, { provider: 'third', model: 'scripted' }],
      question('?'),
      { tenant },
    );
    expect(answered).toMatchObject({ provider: 'standby', standby });
    expect(await access.chat([standby], question('?'), { tenant })).not.toHaveProperty('standby');
    expect(third.requests).toHaveLength(0);
  });

  test('a request with a standby waits neither for an open circuit breaker nor for its trial', async () => {
    const clock = heldTime();
    let goOn: () => void = () => undefined;
    const hung = { is: false, until: new Promise<void>((resolve) => (goOn = resolve)) };
    const first = await serve({
      fault: () => (hung.is ? null : { kind: 'error', status: 503 }),
      held: () => (hung.is ? hung.until : null),
    });
    const second = await serve();
    open(providerAt(first.url), providerAt(second.url, { name: 'standby' }));
    const route = () => access.chat([scripted, standby], question('?'), { tenant });
    await Promise.allSettled(Array.from({ length: 5 }, (_, n) => ask(`${n}`, { patienceMs: 0 })));
    const sent = first.requests.length;
    expect(await route()).toMatchObject({ provider: 'standby' });
    expect(first.requests).toHaveLength(sent);
    clock.pass(1_100);
    hung.is = true;
    const tries = route();
    await until(() => first.requests.length > sent);
    // The first provider does not respond before these two have their answers.
    expect(await Promise.all([route(), route()])).toMatchObject([
      { provider: 'standby' },
      { provider: 'standby' },
    ]);
    goOn();
    expect((await tries).provider).toBe('scripted');
    expect(first.requests).toHaveLength(sent + 1);
  });

  test('a standby does not hide a wrong model name', async () => {
    const [first, second] = await Promise.all([serve(), serve()]);
    open(providerAt(first.url), providerAt(second.url, { name: 'standby' }));
    const asked = access.chat([{ ...scripted, model: 'scriptet' }, standby], question('?'), {
      tenant,
    });
    await expect(asked).rejects.toMatchObject({
      type: 'ModelNotFound',
      next: 'did you mean scripted?',
    });
    expect(second.requests).toHaveLength(0);
  });

  test('the circuit breaker opens after failures and closes after one answer', async () => {
    let ill = true;
    const server = await serve({ fault: () => (ill ? { kind: 'error', status: 503 } : null) });
    open(providerAt(server.url));
    const failed = await Promise.allSettled(
      Array.from({ length: 5 }, (_, n) => ask(`${n}`, { patienceMs: 0 })),
    );
    expect(failed.every(({ status }) => status === 'rejected')).toBe(true);
    const sent = server.requests.length;
    await expect(ask('?', { patienceMs: 0 })).rejects.toMatchObject({
      type: 'ProviderUnavailable',
      message: expect.stringContaining('circuit breaker open') as string,
    });
    expect(server.requests).toHaveLength(sent);
    ill = false;
    // Waits for the circuit breaker without using up an attempt.
    expect((await ask('?')).answer.finish).toBe('stop');
  });

  describe('a trial of a half-open circuit breaker without a result', () => {
    const buildJournal = (begin: AttemptJournal['begin']) => ({ journal: { begin } });
    const nothing: readonly [string, () => Parameters<ModelAccess['chat']>[2]][] = [
      [
        'a budget refused',
        () => ({ tenant, ...buildJournal(() => Promise.reject(failure('BudgetSpent', 'spent'))) }),
      ],
      [
        'another caller had the answer',
        () => ({
          tenant,
          ...buildJournal(() =>
            Promise.resolve({
              kind: 'answered',
              answered: { answer: known, provider: 'scripted' },
            }),
          ),
        }),
      ],
      ['its caller cancelled', () => ({ tenant, signal: AbortSignal.timeout(100) })],
    ];
    const known: ChatAnswer = {
      text: 'known',
      finish: 'stop',
      usage: { promptTokens: 1, completionTokens: 1 },
      model: 'scripted',
      firstTokenMs: null,
      totalMs: 1,
    };

    test.each(nothing)('leaves the trial to the next request: %s', async (_, options) => {
      const clock = heldTime();
      let fault: Fault = { kind: 'error', status: 503 };
      const server = await serve({ fault: () => fault });
      open(
        providerAt(server.url, {
          limits: { requestsPerMinute: null, tokensPerMinute: null, concurrency: 64 },
        }),
      );
      await Promise.allSettled(
        Array.from({ length: 5 }, (_each, n) => ask(`${n}`, { patienceMs: 0 })),
      );
      await expect(ask('?', { patienceMs: 0 })).rejects.toThrow('next attempt in 1 s');
      clock.pass(1_100);
      fault = { kind: 'stall', afterTokens: 0 };
      await access.chat([scripted], question('?'), options()).catch(() => undefined);
      fault = { kind: 'error', status: 503 };
      // The next request is the trial, at once, and the only one.
      const sent = server.requests.length;
      await expect(ask('?', { patienceMs: 0 })).rejects.toThrow('status 503');
      await expect(ask('?', { patienceMs: 0 })).rejects.toThrow('next attempt in 2 s');
      expect(server.requests).toHaveLength(sent + 1);
    });
  });

  test('a request does not hold a turn while it waits for a budget or for the same question', async () => {
    const clock = heldTime();
    const server = await serve({
      fault: (_, number) => (number < 5 ? { kind: 'error', status: 503 } : null),
    });
    open(
      providerAt(server.url, {
        limits: { requestsPerMinute: null, tokensPerMinute: null, concurrency: 1 },
      }),
    );
    await Promise.allSettled(Array.from({ length: 5 }, (_, n) => ask(`${n}`, { patienceMs: 0 })));
    clock.pass(1_100);
    const held = { is: true, looked: 0 };
    const begin: AttemptJournal['begin'] = () => {
      held.looked += 1;
      return Promise.resolve(held.is ? { kind: 'held', waitMs: 20 } : opened());
    };
    // This request is the trial of the circuit breaker, in the only place.
    const waits = access.chat([scripted], question('?'), { tenant, journal: { begin } });
    while (held.looked < 2) await sleep(5);
    expect((await ask('!')).answer.finish).toBe('stop');
    held.is = false;
    expect((await waits).provider).toBe('recorded');
  });

  test('an answer is recorded after its turn, so that other requests can go on', async () => {
    const server = await serve();
    open(
      providerAt(server.url, {
        limits: { requestsPerMinute: null, tokensPerMinute: null, concurrency: 1 },
      }),
    );
    let written = (): void => undefined;
    const writes = new Promise<void>((resolve) => (written = resolve));
    const begin = () => Promise.resolve(opened([], writes));
    const places = bulkhead(1, 10);
    const place: ConcurrencySlot = (work) => places.execute(work);
    const slow = access.chat([scripted], question('?'), { tenant, place, journal: { begin } });
    expect((await ask('!', { place })).answer.finish).toBe('stop');
    written();
    expect((await slow).provider).toBe('recorded');
  });

  test('a cancelled request is recorded before its caller gets the error', async () => {
    const server = await serve({ latencyMs: () => 200 });
    open(providerAt(server.url));
    const caller = new AbortController();
    const ends: string[] = [];
    const begin = () => Promise.resolve(opened(ends));
    const asked = access.chat([scripted], question('?'), {
      tenant,
      signal: caller.signal,
      journal: { begin },
    });
    await sleep(50);
    caller.abort(new Error('hung up'));
    await expect(asked).rejects.toThrow('hung up');
    // The cost is unknown.
    expect(ends).toEqual(['failed null']);
  });

  test('a request that is cancelled while it is recorded is recorded as not sent', async () => {
    const server = await serve();
    open(providerAt(server.url));
    const caller = new AbortController();
    const ends: string[] = [];
    const begin = () => {
      caller.abort(new Error('hung up'));
      return Promise.resolve(opened(ends));
    };
    const asked = access.chat([scripted], question('?'), {
      tenant,
      signal: caller.signal,
      journal: { begin },
    });
    await expect(asked).rejects.toThrow('hung up');
    expect({ ends, sent: server.requests.length }).toEqual({ ends: ['unsent'], sent: 0 });
  });

  test('a request that is cancelled before its place is free is recorded as not sent', async () => {
    const server = await serve({ latencyMs: () => 200 });
    open(providerAt(server.url));
    const places = bulkhead(1, 10);
    const place: ConcurrencySlot = (work) => places.execute(work);
    const first = ask('!', { place });
    const caller = new AbortController();
    const ends: string[] = [];
    const begin = () => Promise.resolve(opened(ends));
    const waits = access.chat([scripted], question('?'), {
      tenant,
      place,
      signal: caller.signal,
      journal: { begin },
    });
    await sleep(50);
    caller.abort(new Error('hung up'));
    await expect(waits).rejects.toThrow('hung up');
    expect((await first).answer.finish).toBe('stop');
    expect({ ends, sent: server.requests.length }).toEqual({ ends: ['unsent'], sent: 1 });
  });

  test('a request whose turn comes late is recorded again, because its lease may have expired', async () => {
    const server = await serve({ latencyMs: () => 200 });
    open(
      providerAt(server.url, {
        limits: { requestsPerMinute: null, tokensPerMinute: null, concurrency: 1 },
      }),
    );
    const first = ask('!');
    const ends: string[] = [];
    const begin = jest.fn(() => Promise.resolve(opened(ends)));
    const place: ConcurrencySlot = (work) => work();
    const waits = access.chat([scripted], question('?'), { tenant, place, journal: { begin } });
    await sleep(50);
    expect(begin).toHaveBeenCalledTimes(1);
    const now = performance.now.bind(performance);
    const later = jest.spyOn(performance, 'now').mockImplementation(() => now() + 61_000);
    try {
      await Promise.all([first, waits]);
    } finally {
      later.mockRestore();
    }
    expect({ ends, begun: begin.mock.calls.length, sent: server.requests.length }).toEqual({
      ends: ['unsent', 'answered'],
      begun: 2,
      sent: 2,
    });
  });

  test('an open circuit breaker prevents the record ahead of the turn', async () => {
    const server = await serve({ fault: () => ({ kind: 'error', status: 503 }) });
    open(providerAt(server.url));
    await Promise.allSettled(Array.from({ length: 5 }, (_, n) => ask(`${n}`, { patienceMs: 0 })));
    const begin = jest.fn(() => Promise.resolve(opened()));
    const place: ConcurrencySlot = (work) => work();
    const asked = access.chat([scripted], question('?'), {
      tenant,
      place,
      patienceMs: 0,
      journal: { begin },
    });
    await expect(asked).rejects.toThrow('circuit breaker open');
    expect(begin).not.toHaveBeenCalled();
  });

  test('a turn without a request is given back', async () => {
    const server = await serve();
    const limits = { requestsPerMinute: 10, tokensPerMinute: 1000, concurrency: 1 };
    open(providerAt(server.url, { limits, tenantLimits: limits }));
    const begin = () => Promise.reject(failure('BudgetSpent', 'spent'));
    for (let asked = 0; asked < 20; asked += 1) {
      const refused = access.chat([scripted], question('?'), {
        tenant,
        patienceMs: 1,
        journal: { begin },
      });
      await expect(refused).rejects.toMatchObject({ type: 'BudgetSpent' });
    }
    expect((await ask('?', { patienceMs: 1 })).answer.finish).toBe('stop');
  });

  test('a turn during an open circuit breaker is given back', async () => {
    const clock = heldTime();
    const server = await serve({
      fault: (_, number) => (number < 5 ? { kind: 'error', status: 503 } : null),
    });
    // Ten at once, and then one every 600 ms.
    const limits = { requestsPerMinute: 100, tokensPerMinute: null, concurrency: 64 };
    open(providerAt(server.url, { limits, tenantLimits: limits }));
    await Promise.allSettled(Array.from({ length: 5 }, (_, n) => ask(`${n}`, { patienceMs: 0 })));
    for (let asked = 0; asked < 20; asked += 1)
      await expect(ask('?', { patienceMs: 0 })).rejects.toThrow('circuit breaker open');
    clock.pass(1_100);
    expect((await ask('?', { patienceMs: 1 })).answer.finish).toBe('stop');
    expect(server.requests).toHaveLength(6);
  });

  test('a tenant keeps its turn when the provider has none', async () => {
    const server = await serve();
    // The tenant may send ten requests at once, and all tenants together one.
    const limits = { tokensPerMinute: null, concurrency: 64 };
    open(
      providerAt(server.url, {
        limits: { ...limits, requestsPerMinute: 10 },
        tenantLimits: { ...limits, requestsPerMinute: 100 },
      }),
    );
    await ask();
    for (let asked = 0; asked < 20; asked += 1)
      await expect(ask('?', { patienceMs: 1 })).rejects.toThrow('the rate limits of provider');
  });

  test('a request that is cancelled during the trial of a circuit breaker does not count as sent', async () => {
    const clock = heldTime();
    let goOn: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (goOn = resolve));
    const server = await serve({
      fault: (_, number) => (number < 5 ? { kind: 'error', status: 503 } : null),
      held: () => held,
    });
    open(providerAt(server.url));
    await Promise.allSettled(Array.from({ length: 5 }, (_, n) => ask(`${n}`, { patienceMs: 0 })));
    clock.pass(1_100);
    const tries = ask('?');
    await until(() => server.requests.length === 6);
    const caller = new AbortController();
    const begin = jest.fn<ReturnType<AttemptJournal['begin']>, []>(() =>
      Promise.reject(failure('BudgetSpent', 'spent')),
    );
    const waits = access.chat([scripted], question('!'), {
      tenant,
      signal: caller.signal,
      journal: { begin },
    });
    await sleep(50);
    caller.abort(new Error('hung up'));
    await expect(waits).rejects.toThrow('hung up');
    goOn();
    expect((await tries).answer.finish).toBe('stop');
    await sleep(50);
    expect(begin).not.toHaveBeenCalled();
  });

  test('no more concurrent requests than the provider and the tenant permit', async () => {
    const server = await serve({ latencyMs: () => 20 });
    const limits = { requestsPerMinute: null, tokensPerMinute: null };
    open(
      providerAt(server.url, {
        limits: { ...limits, concurrency: 4 },
        tenantLimits: { ...limits, concurrency: 3 },
      }),
    );
    await Promise.all(Array.from({ length: 12 }, (_, n) => ask(`${n}`)));
    expect(server.maxConcurrency()).toBe(3);
    await Promise.all(
      Array.from({ length: 24 }, (_, n) => ask(`${n}`, { tenant: `tenant-${n % 3}` as Tenant })),
    );
    expect(server.maxConcurrency()).toBe(4);
  });

  test('requests keep to the rate after the burst', async () => {
    const server = await serve();
    // 120 at once, a tenth of the minute's worth, then one every 50 ms.
    open(
      providerAt(server.url, {
        limits: { requestsPerMinute: 1200, tokensPerMinute: null, concurrency: 64 },
      }),
    );
    const startedAt = Date.now();
    await Promise.all(Array.from({ length: 130 }, (_, n) => ask(`${n}`)));
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(490);
  });

  test('a request that cannot wait for its turn fails with the wait time', async () => {
    const server = await serve();
    open(
      providerAt(server.url, {
        limits: { requestsPerMinute: null, tokensPerMinute: 600, concurrency: 64 },
      }),
    );
    await ask();
    const asked = ask('again', { patienceMs: 100 });
    await expect(asked).rejects.toMatchObject({
      type: 'ProviderRateLimited',
      retryAfterMs: expect.any(Number) as number,
    });
    expect(server.requests).toHaveLength(1);
  });

  test('embeddings are in the order of their texts', async () => {
    const server = await serve();
    open(providerAt(server.url));
    const both = await access.embed(scripted, ['one', 'two'], { tenant });
    const [two] = (await access.embed(scripted, ['two'], { tenant })).vectors;
    expect(both.vectors[1]).toEqual(two);
    expect(both.vectors[0]).not.toEqual(two);
    expect(both.usage.promptTokens).toBe(2);
  });

  test('private addresses, addresses without TLS and addresses with a credential are refused by default', () => {
    const opened = (url: string) => () =>
      openModelAccess([providerAt(url, { allowPrivateAddresses: false })], noSecret);
    expect(opened('http://example.com/v1')).toThrow(/does not use TLS/);
    expect(opened('https://127.0.0.1/v1')).toThrow(/private/);
    expect(opened('https://169.254.169.254/v1')).toThrow(/private/);
    expect(opened('https://user:secret@example.com/v1')).toThrow(/credential/);
    expect(opened('https://user:secret@example.com/v1')).not.toThrow(/secret@/);
    expect(opened('https://api.openai.com/v1')).not.toThrow();
  });

  test('a name that resolves to this machine is refused, too', async () => {
    open(providerAt('https://localhost:1/v1', { allowPrivateAddresses: false }));
    await expect(ask('?', { patienceMs: -1 })).rejects.toMatchObject({
      type: 'ProviderRefused',
      message: expect.stringContaining('loopback') as string,
    });
  });
});
