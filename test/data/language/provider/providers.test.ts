import { type ModelAccess, openModelAccess } from '../../../../data/language/model-access';
import type { Question } from '../../../../data/language/attempt';
import type { ResolveSecret } from '../../../../data/language/provider/provider-gate';
import type { ProviderSettings } from '../../../../domain/provider/settings';
import { noSecret, providerAt, question, tenant } from '../../../support/provider/model-access';
import {
  openScriptedProvider,
  type Script,
  type ScriptedProvider,
} from '../../../support/provider/scripted-provider';

/** Both protocols must give the same answers and failures. */
describe.each(['openai', 'anthropic'] as const)('a provider of the %s protocol', (protocol) => {
  let server: ScriptedProvider;
  let access: ModelAccess;
  const open = async (
    script: Script = {},
    settings: Partial<ProviderSettings> = {},
    secret: ResolveSecret = noSecret,
  ) => {
    server = await openScriptedProvider(script);
    access = openModelAccess([providerAt(server.url, { protocol, ...settings })], secret);
  };
  afterEach(async () => {
    await access.close();
    await server.close();
  });
  // One attempt, without waiting for retries.
  const ask = (
    text: string,
    { onText, model = 'scripted', patienceMs = -1, ...settings }: Asked = {},
  ) =>
    access.chat([{ provider: 'scripted', model }], question(text, settings), {
      tenant,
      onText,
      patienceMs,
    });
  interface Asked extends Partial<Question> {
    readonly onText?: (delta: string) => void;
    readonly model?: string;
    readonly patienceMs?: number;
  }

  test('returns a whole answer', async () => {
    await open({ answer: () => 'Paris it is' });
    const { answer, provider } = await ask('What is the capital of France?');
    expect(provider).toBe('scripted');
    expect(answer).toMatchObject({
      text: 'Paris it is',
      finish: 'stop',
      model: 'scripted',
      firstTokenMs: null,
    });
    expect(answer.usage).toEqual({ promptTokens: 10, completionTokens: 3 });
  });

  test('streams an answer piece by piece', async () => {
    await open({ answer: () => 'Paris it is, naturally: 巴黎 🗼', msPerToken: 5 });
    const pieces: string[] = [];
    const { answer } = await ask('What is the capital of France?', {
      onText: (delta) => pieces.push(delta),
    });
    expect(pieces).toEqual(['Paris ', 'it ', 'is, ', 'naturally: ', '巴黎 ', '🗼']);
    expect(answer).toMatchObject({
      text: pieces.join(''),
      finish: 'stop',
      usage: { promptTokens: 10, completionTokens: 6 },
    });
    expect(answer.firstTokenMs).toBeGreaterThan(0);
    expect(answer.totalMs).toBeGreaterThan(answer.firstTokenMs ?? 0);
  });

  test.each([[true], [false]])(
    'reports an answer that was cut at the token limit (streamed: %s)',
    async (streamed) => {
      await open({ answer: () => 'one two three four' });
      const sampling = { ...question('').sampling, maxTokens: 2 };
      const { answer } = await ask('Count', {
        sampling,
        ...(streamed && { onText: () => undefined }),
      });
      expect(answer).toMatchObject({ text: 'one two ', finish: 'length' });
    },
  );

  test('reuses a connection after a stream', async () => {
    await open();
    await ask('one', { onText: () => undefined });
    await new Promise((resolve) => setTimeout(resolve, 20));
    await ask('two', { onText: () => undefined });
    expect(server.requests[1]?.headers.host).toBe(server.requests[0]?.headers.host);
    expect(server.connections()).toBe(1);
  });

  test('lists its models and suggests the nearest one for an unknown name', async () => {
    await open({ models: ['scripted', 'scripted-large'] });
    expect(await access.models('scripted', {})).toEqual(['scripted', 'scripted-large']);
    await expect(ask('?', { model: 'scripted-largo' })).rejects.toMatchObject({
      type: 'ModelNotFound',
      message: expect.stringContaining('scripted-largo') as string,
      next: 'did you mean scripted-large?',
    });
  });

  test('a prompt that is too long is ContextOverflow', async () => {
    await open({ contextTokens: 40 });
    await expect(ask('word '.repeat(100))).rejects.toMatchObject({
      type: 'ContextOverflow',
      message: expect.stringContaining('40') as string,
    });
  });

  test('a wrong key is refused, and the message does not repeat it', async () => {
    const read: unknown[] = [];
    const secret = (ref: unknown) => (read.push(ref), Promise.resolve('sk-wrong-0123456789'));
    await open({ key: 'sk-right' }, { key: { env: 'MODEL_KEY' } }, secret);
    const error: unknown = await ask('?').catch((failed: unknown) => failed);
    expect(error).toMatchObject({
      type: 'ProviderDenied',
      next: expect.stringContaining('scripted') as string,
    });
    expect(JSON.stringify([(error as Error).message, error])).not.toContain('sk-');
    expect(read).toEqual([{ env: 'MODEL_KEY' }]);
  });

  test('the key is read again for each request', async () => {
    const keys = ['sk-old', 'sk-right'];
    await open({ key: 'sk-right' }, { key: { env: 'MODEL_KEY' } }, () =>
      Promise.resolve(keys.shift() ?? ''),
    );
    await expect(ask('?')).rejects.toMatchObject({ type: 'ProviderDenied' });
    expect((await ask('?')).answer.finish).toBe('stop');
  });

  test.each([
    ['garbage', { kind: 'garbage' }, 'AnswerLost'],
    ['a reset connection', { kind: 'cut', afterTokens: 2 }, 'AnswerLost'],
    [
      'a stream that is closed cleanly but too early',
      { kind: 'truncated', afterTokens: 2 },
      'AnswerLost',
    ],
    ['an error in the middle', { kind: 'errorEvent', afterTokens: 2 }, 'AnswerLost'],
    ['an HTML page of a gateway', { kind: 'error', status: 502 }, 'ProviderUnavailable'],
    ['overload', { kind: 'error', status: 529 }, 'ProviderUnavailable'],
    ['a limit', { kind: 'rateLimited', headers: { 'retry-after': '7' } }, 'ProviderRateLimited'],
  ] as const)('%s is a failure, whole or streamed', async (_, fault, type) => {
    await open({ fault: () => fault });
    await expect(ask('?')).rejects.toMatchObject({ type });
    await expect(ask('?', { onText: () => undefined })).rejects.toMatchObject({ type });
  });

  describe.each([
    [
      'content_filter',
      { message: 'The response was filtered', param: 'prompt', code: 'content_filter' },
      400,
    ],
    [
      'its words',
      { type: 'invalid_request_error', message: 'Output blocked by content filtering policy' },
      400,
    ],
    [
      'what it flagged',
      { code: 403, message: 'Input flagged', metadata: { reasons: ['x'], flagged_input: 'y' } },
      403,
    ],
  ])('its content filter, reported by %s,', (_, error, status) => {
    test('gives a filtered answer, and no standby is asked', async () => {
      await open({
        fault: () => ({ kind: 'error', status, body: JSON.stringify({ error }) }),
        models: ['scripted', 'other'],
      });
      for (const onText of [undefined, () => undefined]) {
        const options = { tenant, ...(onText && { onText }) };
        const models = [
          { provider: 'scripted', model: 'scripted' },
          { provider: 'scripted', model: 'other' },
        ] as const;
        const { answer, standby } = await access.chat(models, question('How is it made?'), options);
        expect({ answer, standby }).toMatchObject({
          answer: { text: '', finish: 'filtered', model: 'scripted' },
          standby: undefined,
        });
        expect(answer.usage.promptTokens).toBeGreaterThan(0);
      }
      expect(server.requests).toHaveLength(2);
    });

    test.each([0, 2])('ends a stream after %d tokens without a retry', async (afterTokens) => {
      await open({
        answer: () => 'one two three four',
        fault: () => ({ kind: 'errorEvent', afterTokens, error }),
      });
      const { answer } = await ask('Count', { onText: () => undefined, patienceMs: 1000 });
      expect(answer).toMatchObject({
        text: afterTokens === 0 ? '' : 'one two ',
        finish: 'filtered',
        usage: { completionTokens: afterTokens },
      });
      expect(answer.usage.promptTokens).toBeGreaterThan(0);
      expect(server.requests).toHaveLength(1);
    });
  });

  test('a silent provider times out, sooner before the first token than after it', async () => {
    await open(
      { fault: (_, number) => ({ kind: 'stall', afterTokens: number }) },
      { timeouts: { firstTokenMs: 400, totalMs: 800 } },
    );
    const before = ask('?', { onText: () => undefined });
    await expect(before).rejects.toMatchObject({
      type: 'ProviderTimeout',
      message: expect.stringContaining('no first token within 0.4 s') as string,
    });
    const after = ask('?', { onText: () => undefined });
    await expect(after).rejects.toMatchObject({
      type: 'ProviderTimeout',
      message: expect.stringContaining('did not complete its answer') as string,
    });
  });

  test('a cancelled call throws its own reason and closes the connection', async () => {
    await open({ fault: () => ({ kind: 'stall', afterTokens: 0 }) });
    const caller = new AbortController();
    const asked = access.chat([{ provider: 'scripted', model: 'scripted' }], question('?'), {
      tenant,
      signal: caller.signal,
    });
    setTimeout(() => caller.abort(new Error('cancelled by its run')), 50);
    await expect(asked).rejects.toThrow('cancelled by its run');
  });

  test('requests JSON as the protocol defines it', async () => {
    await open({ answer: ({ wantsJson }) => (wantsJson ? '{"label":"noun"}' : 'prose') });
    expect((await ask('?', { jsonSchema: { type: 'object' } })).answer.text).toBe(
      '{"label":"noun"}',
    );
  });
});
