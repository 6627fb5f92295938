import type { ApiKeyIdentity } from '../../db/access/repository';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; set before any handler but health. */
    caller: ApiKeyIdentity;
    traceId: string;
    traceparent: string;
  }
}
