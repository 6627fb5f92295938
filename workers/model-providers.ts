import type { ProviderSettings } from '../domain/llm/provider-settings';
import type { Config } from './config';

/** Who answers for language models here. */
export function modelProviders({ llmUrl }: Pick<Config, 'llmUrl'>): readonly ProviderSettings[] {
  return llmUrl === null ? [] : [embedded(llmUrl)];
}

/** The platform's own: it queues by itself and says when it is full. */
function embedded(url: string): ProviderSettings {
  return {
    name: 'embedded',
    protocol: 'openai',
    url,
    key: null,
    allowPrivateAddresses: true,
    limits: { requestsPerMinute: null, tokensPerMinute: null, concurrency: 64 },
    tenantLimits: null,
    // A busy machine of two cores takes its time before the first word.
    timeouts: { firstTokenMs: 60_000, totalMs: 300_000 },
    prices: {},
  };
}
