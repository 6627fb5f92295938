import type { FastifyReply, FastifyRequest } from 'fastify';
import { isPlatformAdmin } from '../../db/access/repository';
import { isPerennialError } from '../../domain/failure';
import { warnOfExpiry } from '../http/key-expiry';
import { isMetricsToken, metricsTokenHint } from '../http/metrics/metrics-token';
import type { MetricsReader } from '../http/metrics/visible-metrics';
import { HttpProblem } from '../http/problem';
import '../http/request-context';
import { readKey } from './authentication';
import type { KeyCache } from './key-cache';

export interface MetricsReaderOptions {
  readonly keys: KeyCache;
  /** Null if only API keys show names. */
  readonly metricsToken: string | null;
}

/**
 * Finds who reads metrics or the state of models, and sets the caller if it is an API key.
 * @throws HttpProblem 401 for a credential that is neither the token nor a valid key
 */
export function identifyReader({
  keys,
  metricsToken,
}: MetricsReaderOptions): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  return async (request, reply) => {
    const credential = readKey(request);
    if (credential === null) return;
    if (isMetricsToken(credential, metricsToken)) {
      request.metricsReader = { kind: 'platform' };
      return;
    }
    const caller = await keys.identify(credential);
    if (caller === null)
      throw new HttpProblem(
        401,
        'InvalidApiKey',
        'this credential is neither the token for metrics nor a valid API key',
        `${metricsTokenHint}; perennial key create makes an API key`,
      );
    request.caller = caller;
    warnOfExpiry(reply, caller);
    request.metricsReader =
      caller.isService || isPlatformAdmin(caller)
        ? { kind: 'platform' }
        : { kind: 'tenant', tenant: caller.tenant };
  };
}

/**
 * As `identifyReader`, for `/readyz`: while the registry cannot check a key, the answer has no
 * names instead of being an error.
 */
export function identifyProbe(options: MetricsReaderOptions): ReturnType<typeof identifyReader> {
  const identify = identifyReader(options);
  return async (request, reply) => {
    try {
      await identify(request, reply);
    } catch (error) {
      if (!isPerennialError(error) || error.type !== 'DatabaseUnavailable') throw error;
    }
  };
}

export function findReader({ metricsReader }: FastifyRequest): MetricsReader {
  return metricsReader ?? { kind: 'everyone' };
}
