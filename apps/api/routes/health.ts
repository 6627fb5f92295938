import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { Registry } from 'prom-client';
import { defaultTenant } from '../../../domain/ids';
import type { RouteDeps } from '../server';

/** No key needed: probes and scrapers have none. */
export function healthRoutes({ registry }: RouteDeps, metrics: Registry): FastifyPluginAsyncZod {
  return async (app) => {
    app.get('/livez', { schema: { hide: true } }, () => ({ status: 'alive' }));
    app.get('/readyz', { schema: { hide: true } }, async (_, reply) => {
      try {
        await registry.retention.get({ tenant: defaultTenant });
        return { status: 'ready' };
      } catch (error) {
        return reply.status(503).send({ status: 'not ready', detail: error instanceof Error ? error.message : String(error) });
      }
    });
    app.get('/metrics', { schema: { hide: true } }, async (_, reply) =>
      reply.header('content-type', metrics.contentType).send(await metrics.metrics()),
    );
    await Promise.resolve();
  };
}
