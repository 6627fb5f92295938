import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ApiKeyIdentity } from '../../db/repositories/api-keys';
import { HttpProblem } from './problem';
import './request-context';

/**
 * Answers 429 with Retry-After once a key has sent more than this many requests in a minute; each process counts for itself. After authentication and before the body is read. The platform's
 * own key and probes, which have none, are not counted. Register before the routes.
 */
export async function limitRequests(app: FastifyInstance, { requestsPerMinute }: { readonly requestsPerMinute: number }): Promise<void> {
  await app.register(rateLimit, {
    max: requestsPerMinute,
    timeWindow: 60_000,
    hook: 'preParsing',
    cache: 10_000,
    keyGenerator: (request) => callerOf(request)?.id ?? request.ip,
    allowList: (request) => {
      const caller = callerOf(request);
      return caller === undefined || (caller.name === 'service' && caller.scope === 'operator');
    },
    addHeadersOnExceeding: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false },
    addHeaders: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false, 'retry-after': true },
    errorResponseBuilder: (request, { ttl }) =>
      tooManyRequests(
        `the key ${callerOf(request)?.name ?? ''} sent more than ${requestsPerMinute} requests in a minute`,
        Math.ceil(ttl / 1000),
      ),
  });
}

function callerOf(request: FastifyRequest): ApiKeyIdentity | undefined {
  return (request as Partial<Pick<FastifyRequest, 'caller'>>).caller;
}

function tooManyRequests(detail: string, seconds: number): HttpProblem {
  return new HttpProblem(429, 'TooManyRequests', detail, `try again in ${seconds} s, or ask the operator for a higher limit`);
}

/**
 * For routes whose work takes seconds: further requests of a key beyond `perKey` at once get 429, so that one caller leaves room for others. Spread into a route's options.
 */
export function openWorkLimit({ perKey }: { readonly perKey: number }) {
  const underWay = new Map<string, number>();
  const leave = (id: string): void => {
    const left = (underWay.get(id) ?? 1) - 1;
    if (left > 0) underWay.set(id, left);
    else underWay.delete(id);
  };
  return {
    /** Runs the work, or throws 429 when the key has as much under way already. */
    async run<T>(caller: Pick<ApiKeyIdentity, 'id' | 'name'>, work: () => Promise<T>): Promise<T> {
      const count = underWay.get(caller.id) ?? 0;
      if (count >= perKey) throw tooManyRequests(`the key ${caller.name} has ${count} requests of this kind under way already`, 1);
      underWay.set(caller.id, count + 1);
      try {
        return await work();
      } finally {
        leave(caller.id);
      }
    },
  };
}

export type WorkLimit = ReturnType<typeof openWorkLimit>;
