import type { ApiKeyIdentity } from '../../db/repositories/api-keys';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; set before any handler but health. */
    caller: ApiKeyIdentity;
    traceId: string;
    traceparent: string;
  }
}
