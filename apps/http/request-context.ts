import type { ApiKeyIdentity } from '../../db/access/repository';
import type { RunId } from '../../domain/ids';

declare module 'fastify' {
  interface FastifyRequest {
    /** The caller; set before all handlers except health. */
    caller: ApiKeyIdentity;
    /** The run whose job calls with its token. */
    jobOf?: { readonly runId: RunId; readonly lifecycle: string };
    traceId: string;
    traceparent: string;
  }
}
