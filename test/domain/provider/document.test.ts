import { readProviders } from '../../../domain/provider/document';

const head =
  'apiVersion: perennial.dev/v1\nkind: Platform\nmetadata: { name: production }\nspec:\n  providers:\n';
const read = (providers: string) => readProviders(head + providers, 'platform.yaml');
const details = (providers: string): readonly string[] => {
  const found = read(providers);
  return found.ok ? [] : found.issues.map(({ pointer, detail }) => `${pointer} ${detail}`);
};

describe('the providers of a platform', () => {
  test('are read with their defaults', () => {
    expect(
      read(`    openai:
      url: https://api.openai.com/v1
      key: { env: OPENAI_API_KEY }
      limits: { requestsPerMinute: 500 }
      timeouts: { firstToken: 20s, total: 2m }
      prices: { gpt-5-mini: { prompt: 0.25, completion: 2 } }
      thinkingTokens: { gpt-5-mini: 4000 }
    claude: { protocol: anthropic, url: "https://api.anthropic.com/v1", key: { file: /run/secrets/anthropic }, tenantLimits: { concurrency: 2 } }
`),
    ).toEqual({
      ok: true,
      value: [
        {
          name: 'openai',
          protocol: 'openai',
          url: 'https://api.openai.com/v1',
          key: { env: 'OPENAI_API_KEY' },
          allowPrivateAddresses: false,
          limits: { requestsPerMinute: 500, tokensPerMinute: null, concurrency: 16 },
          tenantLimits: null,
          timeouts: { firstTokenMs: 20_000, totalMs: 120_000 },
          prices: { 'gpt-5-mini': { promptPerMillion: 0.25, completionPerMillion: 2 } },
          thinkingTokens: { 'gpt-5-mini': 4000 },
        },
        expect.objectContaining({
          name: 'claude',
          protocol: 'anthropic',
          key: { file: '/run/secrets/anthropic' },
          tenantLimits: { requestsPerMinute: null, tokensPerMinute: null, concurrency: 2 },
          timeouts: { firstTokenMs: 30_000, totalMs: 120_000 },
        }),
      ],
    });
  });

  test.each([
    [
      'a key in plain text',
      '    a: { url: "https://a.example/v1", key: sk-secret }\n',
      /\/spec\/providers\/a\/key/,
    ],
    [
      'a credential in the address',
      '    a: { url: "https://me:sk-secret@a.example/v1" }\n',
      /contains a credential/,
    ],
    ['a file address', '    a: { url: "file:///etc/passwd" }\n', /is not an http or https address/],
    [
      'thinkingTokens that are not a number',
      '    a: { url: "https://a.example/v1", thinkingTokens: { o4-mini: many } }\n',
      /thinkingTokens\/o4-mini/,
    ],
    ['an unknown key', '    a: { url: "https://a.example/v1", keys: { env: A } }\n', /keys/],
    ["the embedded provider's name", '    embedded: { url: "https://a.example/v1" }\n', /embedded/],
  ])('%s is rejected without quoting a secret', (_, providers, pattern) => {
    const found = details(providers).join('\n');
    expect(found).toMatch(pattern);
    expect(found).not.toContain('sk-secret');
  });
});
