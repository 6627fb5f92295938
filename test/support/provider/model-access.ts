import type { ProviderSettings } from '../../../domain/provider/settings';
import { defaultTenant } from '../../../domain/ids';
import type { Question } from '../../../data/language/attempt';

export const tenant = defaultTenant;

/** A provider for tests: no effective limits, and short timeouts. */
export function providerAt(
  url: string,
  settings: Partial<ProviderSettings> = {},
): ProviderSettings {
  return {
    name: 'scripted',
    protocol: 'openai',
    url,
    key: null,
    allowPrivateAddresses: true,
    limits: { requestsPerMinute: null, tokensPerMinute: null, concurrency: 64 },
    tenantLimits: null,
    timeouts: { firstTokenMs: 2000, totalMs: 5000 },
    prices: {},
    thinkingTokens: {},
    ...settings,
  };
}

export function question(text: string, settings: Partial<Question> = {}): Question {
  return {
    messages: [
      { role: 'system', content: 'Answer in one line.' },
      { role: 'user', content: text },
    ],
    sampling: { temperature: 0, topP: 1, maxTokens: 50, seed: 1, stop: [] },
    jsonSchema: null,
    ...settings,
  };
}

export const noSecret = (): Promise<string> =>
  Promise.reject(new Error('no secret was referred to'));
