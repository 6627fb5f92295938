import type { ApiKeyIdentity } from '../../db/access/repository';

declare module 'fastify' {
  interface FastifyRequest {
    /** The caller; set before all handlers except health. */
    caller: ApiKeyIdentity;
    traceId: string;
    traceparent: string;
  }
}
