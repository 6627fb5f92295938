import { canonicalJson } from '../../../../domain/canonical';
import { failureMessage } from '../../../../domain/language/evaluation/unanswered-cases';
import {
  readRetryAfter,
  refusalFailure,
} from '../../../../data/language/provider/provider-failure';

const refused = (status: number, body: unknown, model: string | null = 'some-model') =>
  refusalFailure({
    provider: 'acme',
    model,
    status,
    headers: {},
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

describe('the failure for an error response', () => {
  test.each([
    [
      'OpenAI',
      400,
      {
        error: {
          code: 'context_length_exceeded',
          message: "This model's maximum context length is 8192 tokens.",
        },
      },
      'ContextOverflow',
    ],
    [
      'Anthropic',
      400,
      {
        type: 'error',
        error: {
          type: 'invalid_request_error',
          message: 'prompt is too long: 210000 tokens > 200000 maximum',
        },
      },
      'ContextOverflow',
    ],
    [
      'llama-server',
      400,
      {
        error: {
          type: 'exceed_context_size_error',
          message: 'the request exceeds the available context size',
        },
      },
      'ContextOverflow',
    ],
    [
      'vLLM',
      400,
      {
        object: 'error',
        message: 'This model has a maximum context length of 4096 tokens',
        code: 400,
      },
      'ContextOverflow',
    ],
    ['a proxy with a body limit', 413, '<html>', 'ContextOverflow'],
    [
      'OpenAI',
      404,
      { error: { code: 'model_not_found', message: 'The model `x` does not exist' } },
      'ModelNotFound',
    ],
    [
      'Anthropic',
      404,
      { type: 'error', error: { type: 'not_found_error', message: 'model: claude-x' } },
      'ModelNotFound',
    ],
    [
      'Ollama',
      404,
      { error: { message: 'model "x" not found, try pulling it first', type: 'api_error' } },
      'ModelNotFound',
    ],
    ['a wrong path', 404, '<html>Not Found</html>', 'ProviderRefused'],
    [
      'OpenAI',
      401,
      { error: { code: 'invalid_api_key', message: 'Incorrect API key provided: sk-abc***xyz.' } },
      'ProviderDenied',
    ],
    [
      'OpenAI without credit',
      429,
      { error: { code: 'insufficient_quota', message: 'You exceeded your current quota' } },
      'ProviderDenied',
    ],
    [
      'OpenAI',
      429,
      { error: { code: 'rate_limit_exceeded', message: 'Rate limit reached' } },
      'ProviderRateLimited',
    ],
    [
      'Anthropic',
      529,
      { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
      'ProviderUnavailable',
    ],
    ['a gateway', 502, '<html>Bad Gateway</html>', 'ProviderUnavailable'],
    ['another status', 418, 'teapot', 'ProviderRefused'],
    ['a redirect', 302, '', 'ProviderRefused'],
    [
      'OpenRouter of a key without rights',
      403,
      { error: { code: 403, message: 'Forbidden', metadata: {} } },
      'ProviderDenied',
    ],
    [
      'a server that is away, whatever it says',
      503,
      { error: { code: 'content_filter', message: 'x' } },
      'ProviderUnavailable',
    ],
    [
      'OpenAI of a malformed prompt',
      400,
      { error: { code: 'invalid_prompt', message: 'Invalid prompt: no messages' } },
      'ProviderRefused',
    ],
  ])('%s, status %d', (_, status, body, type) => {
    expect(refused(status, body)).toMatchObject({
      type,
      message: expect.stringContaining(`status ${status}`) as string,
    });
  });

  test.each([
    [
      'Azure OpenAI',
      400,
      { error: { code: 'content_filter', param: 'prompt', message: 'The response was filtered' } },
    ],
    [
      'OpenAI',
      400,
      {
        error: {
          code: 'invalid_prompt',
          message: 'Invalid prompt: your prompt was flagged as potentially violating',
        },
      },
    ],
    [
      'OpenAI, of images',
      400,
      { error: { code: 'content_policy_violation', message: 'Your request was rejected' } },
    ],
    [
      'LiteLLM',
      400,
      { error: { code: '400', message: 'litellm.ContentPolicyViolationError: AzureException' } },
    ],
    [
      'Anthropic',
      400,
      {
        error: {
          type: 'invalid_request_error',
          message: 'Output blocked by content filtering policy',
        },
      },
    ],
    [
      'OpenRouter',
      403,
      { error: { code: 403, message: 'x', metadata: { flagged_input: 'hidden' } } },
    ],
  ])('%s is AnswerWithheld, and the message does not repeat the question', (_, status, body) => {
    const error = refused(status, body);
    expect(error).toMatchObject({
      type: 'AnswerWithheld',
      message: expect.stringContaining('because of its content filter') as string,
    });
    expect(error.message).not.toContain('hidden');
  });

  test('the message repeats neither a key nor a quoted prompt', () => {
    const { message } = refused(400, {
      error: {
        message: `Invalid input "my diagnosis is secret" with key sk-live-abcdefgh at [{"role":"user","content":"hidden"}] 'more hidden'`,
      },
    });
    expect(message).not.toMatch(/diagnosis|sk-live|hidden/);
    expect(message).toContain('Invalid input');
  });

  test('the message has no terminal control characters', () => {
    const { message } = refused(400, {
      error: { message: 'no\u001b[2J such\u0000 thing\u009b1A\n here' },
    });
    expect(message).toBe(
      'provider acme refused the request (some-model): status 400, no [2J such thing 1A here',
    );
  });

  test('the message can be stored in evidence, wherever it is cut', () => {
    const told = Array.from({ length: 4 }, (_, first) =>
      refused(400, { error: { message: `${'x'.repeat(first)} ${'😀 '.repeat(200)}` } }),
    );
    for (const each of told) expect(() => canonicalJson(each.message)).not.toThrow();
    const long = (first: number) =>
      failureMessage({ message: `${'x'.repeat(first)}${'😀'.repeat(300)}`, next: undefined });
    expect([long(0), long(1)].map((text) => [text.length, text.at(-1)])).toEqual([
      [399, '…'],
      [400, '…'],
    ]);
    expect(() => canonicalJson([long(0), long(1)])).not.toThrow();
  });

  test('the message names a refused parameter and the setting that helps', () => {
    const error = {
      message:
        "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported.",
      type: 'invalid_request_error',
      param: 'temperature',
      code: 'unsupported_value',
    };
    expect(refused(400, { error })).toMatchObject({
      type: 'ProviderRefused',
      message: expect.stringContaining(
        'unsupported_value invalid_request_error temperature, Unsupported value',
      ) as string,
      next: expect.stringMatching(
        /^set sampling\.temperature to 1, or set thinkingTokens for this model in the settings of provider \w+, or use a model that accepts temperature$/,
      ) as string,
    });
    expect(refused(400, { error: { ...error, param: 'my secret' } })).not.toHaveProperty(
      'next',
      expect.anything(),
    );
    expect(refused(400, { error: { ...error, param: 'my secret' } }).message).not.toContain(
      'secret',
    );
  });

  test('reads Retry-After in seconds, as a date, and in milliseconds', () => {
    const now = Date.parse('2026-01-01T00:00:00Z');
    expect(readRetryAfter({ 'retry-after': '7' }, now)).toBe(7000);
    expect(readRetryAfter({ 'retry-after': 'Thu, 01 Jan 2026 00:01:00 GMT' }, now)).toBe(60_000);
    expect(readRetryAfter({ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, now)).toBe(0);
    expect(readRetryAfter({ 'retry-after': '7', 'retry-after-ms': '250' }, now)).toBe(250);
    expect(readRetryAfter({ 'retry-after': 'soon' }, now)).toBeUndefined();
    expect(readRetryAfter({}, now)).toBeUndefined();
  });
});
