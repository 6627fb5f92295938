import type { SecretRef } from '../../lifecycle/lifecycle';
import type { Price } from './price';

export interface RateLimits {
  readonly requestsPerMinute: number | null;
  readonly tokensPerMinute: number | null;
  /** Requests under way at once. */
  readonly concurrency: number;
}

/** A provider of language models, as an operator names it. */
export interface ProviderSettings {
  readonly name: string;
  readonly protocol: 'openai' | 'anthropic';
  readonly url: string;
  readonly key: SecretRef | null;
  readonly allowPrivateAddresses: boolean;
  /** Of the account, over all tenants of this process. */
  readonly limits: RateLimits;
  /** Of each tenant, within those. */
  readonly tenantLimits: RateLimits | null;
  readonly timeouts: {
    /** Of a streamed answer. */
    readonly firstTokenMs: number;
    readonly totalMs: number;
  };
  /** By model; a model without a price is free, as one on a server of one's own. */
  readonly prices: Readonly<Record<string, Price>>;
  /**
   * By model, of those that think before they answer and refuse to be told how to sample: what
   * their thoughts may take beside the answer.
   */
  readonly thinkingTokens: Readonly<Record<string, number>>;
}
