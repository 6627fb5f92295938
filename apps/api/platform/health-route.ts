import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { defaultTenant } from '../../../domain/ids';
import { cacheText } from '../../http/cache-text';
import type { ApiMetrics } from '../metrics';
import type { RouteDeps } from '../route-deps';

/** No key is needed, because probes and scrapers have none. */
export function healthRoutes(
  { registry }: Pick<RouteDeps, 'registry'>,
  { registry: metrics }: ApiMetrics,
): FastifyPluginAsyncZod {
  const schema = { hide: true };
  const text = cacheText({ perSecond: 10 }, () => metrics.metrics());
  return async (app) => {
    app.get('/livez', { schema }, () => ({ status: 'alive' }));
    app.get('/readyz', { schema }, async (_, reply) => {
      try {
        await registry.retention.get({ tenant: defaultTenant });
        return { status: 'ready' };
      } catch (error) {
        return reply.status(503).send({
          status: 'not ready',
          detail: error instanceof Error ? error.message : String(error),
        });
      }
    });
    app.get('/metrics', { schema }, async (_, reply) =>
      reply.header('content-type', metrics.contentType).send(await text()),
    );
  };
}
