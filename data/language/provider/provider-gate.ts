import { isPerennialError } from '../../../domain/failure';
import type { Tenant } from '../../../domain/ids';
import type { ProviderSettings } from '../../../domain/provider/settings';
import type { SecretRef } from '../../../domain/access/secret-access';
import { anthropicProvider } from './anthropic-provider';
import { createCircuitBreaker } from './circuit-breaker';
import { openEndpoint } from './endpoint';
import { openAiProvider } from './openai-provider';
import type { ModelProvider } from './provider';
import { openRateLimiter, type RateLimiter, type Turn } from './rate-limiter';

/** Read the secret that a reference names. */
export type ResolveSecret = (ref: SecretRef) => Promise<string>;

/** A provider with its rate limits and its circuit breaker. */
export interface ProviderGate {
  readonly settings: ProviderSettings;
  readonly provider: ModelProvider;
  /** Run one attempt. It waits for the tenant's own limits first, then for the provider's. */
  run<T>(who: RequestOrigin, tokens: number, work: (turn: Turn) => Promise<T>): Promise<T>;
  /** @throws ProviderUnavailable while the circuit breaker is open */
  refuse(): void;
  close(): Promise<void>;
}

export interface RequestOrigin {
  readonly tenant: Tenant;
  readonly signal?: AbortSignal | undefined;
  readonly patienceMs?: number | undefined;
  /** Whether a standby exists. The request then does not wait for a trial of the open breaker. */
  readonly standsBy?: boolean | undefined;
}

export function openProviderGate(settings: ProviderSettings, resolve: ResolveSecret): ProviderGate {
  const { name, url, key, allowPrivateAddresses, protocol } = settings;
  const authorize =
    protocol === 'anthropic'
      ? (secret: string) => ({ 'x-api-key': secret })
      : (secret: string) => ({ authorization: `Bearer ${secret}` });
  const endpoint = openEndpoint({
    provider: name,
    url,
    allowPrivateAddresses,
    authorize,
    key: key && (() => resolve(key)),
  });
  const maxTokensKey =
    new URL(url).hostname === 'api.openai.com' ? 'max_completion_tokens' : 'max_tokens';
  const provider =
    protocol === 'anthropic'
      ? anthropicProvider({ name, endpoint })
      : openAiProvider({ name, endpoint, maxTokensKey });
  const all = openRateLimiter(settings.limits);
  const tenants = new Map<Tenant, RateLimiter>();
  const breaker = createCircuitBreaker(name);

  const findShare = (tenant: Tenant): RateLimiter | null => {
    if (settings.tenantLimits === null) return null;
    const share = tenants.get(tenant) ?? openRateLimiter(settings.tenantLimits);
    tenants.set(tenant, share);
    return share;
  };

  /** A rate limit that one request meets applies to all requests. */
  const hold = (error: unknown): never => {
    if (isPerennialError(error) && error.type === 'ProviderRateLimited')
      all.hold(error.retryAfterMs ?? 0);
    throw error;
  };

  return {
    settings,
    provider,
    run({ tenant, signal, patienceMs = Number.POSITIVE_INFINITY, standsBy = false }, tokens, work) {
      const waiting = { tokens, signal, patienceMs };
      const inTurn = async (ofShare: Turn | null) => {
        let hadTurn = false;
        const ended = all.run({ ...waiting, whose: `provider ${name}` }, (ofAll) => {
          hadTurn = true;
          const turn: Turn = {
            used(real) {
              ofAll.used(real);
              ofShare?.used(real);
            },
            unsent() {
              ofAll.unsent();
              ofShare?.unsent();
            },
          };
          let began = false;
          return breaker
            .run((unsent) => {
              began = true;
              return work({
                used: turn.used,
                unsent() {
                  turn.unsent();
                  unsent();
                },
              });
            }, !standsBy)
            .catch((error: unknown) => {
              // An open circuit breaker sends nothing.
              if (!began) turn.unsent();
              return hold(error);
            });
        });
        return ended.catch((error: unknown) => {
          // Gives back the turn in the tenant's limits when the provider's limits gave none.
          if (!hadTurn) ofShare?.unsent();
          throw error;
        });
      };
      const share = findShare(tenant);
      return share
        ? share.run({ ...waiting, whose: `tenant ${tenant} at provider ${name}` }, inTurn)
        : inTurn(null);
    },
    refuse: () => breaker.refuse(),
    close: () => endpoint.close(),
  };
}
