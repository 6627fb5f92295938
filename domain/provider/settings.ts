import type { SecretRef } from '../access/secret-access';
import type { Price } from './price';

export interface RateLimits {
  readonly requestsPerMinute: number | null;
  readonly tokensPerMinute: number | null;
  /** Concurrent requests. */
  readonly concurrency: number;
}

/** A provider of language models, as the operator configured it. */
export interface ProviderSettings {
  readonly name: string;
  readonly protocol: 'openai' | 'anthropic';
  readonly url: string;
  readonly key: SecretRef | null;
  readonly allowPrivateAddresses: boolean;
  /** Limits of the account, for all tenants of this process. */
  readonly limits: RateLimits;
  /** Limits of each tenant, within those of the account. */
  readonly tenantLimits: RateLimits | null;
  readonly timeouts: {
    /** Time limit for the first token of a streamed answer. */
    readonly firstTokenMs: number;
    readonly totalMs: number;
  };
  /** Model → prices; a model without prices is free, as on a self-hosted server. */
  readonly prices: Readonly<Record<string, Price>>;
  /** Reasoning model → tokens that it may use in addition to the answer. */
  readonly thinkingTokens: Readonly<Record<string, number>>;
}
