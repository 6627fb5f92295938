import type { ApiKeyIdentity } from '../../db/access/repository';
import type { RunId } from '../../domain/ids';
import type { MetricsReader } from './metrics/visible-metrics';

declare module 'fastify' {
  interface FastifyRequest {
    /** The caller; set before all handlers except health. */
    caller: ApiKeyIdentity;
    /** The run whose job calls with its token. */
    jobOf?: { readonly runId: RunId; readonly lifecycle: string };
    /** Who reads metrics, if it is known by a key or the token for metrics. */
    metricsReader?: MetricsReader;
    traceId: string;
    traceparent: string;
  }
}
