/** The platform API: stateless, so any number of copies may run. */
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import fastify from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { jsonSchemaTransform, jsonSchemaTransformObject, validatorCompiler } from 'fastify-type-provider-zod';
import type { ArtifactStore } from '../../data/artifacts/store';
import type { TrainerCatalog } from '../../data/trainers/catalog';
import type { Registry } from '../../db/registry';
import { traceContext } from '../http/trace-context';
import type { LifecycleClient } from '../lifecycle-client';
import type { RunEventFeed } from './event-feed';
import { openRunEventFeed } from './event-feed';
import { apiMetrics } from './metrics';
import { notFoundHandler, problemHandler } from '../http/problem';
import { apiKeyRoutes } from './routes/api-keys';
import { auditRoutes } from './routes/audit';
import { datasetRoutes } from './routes/datasets';
import { decisionRoutes } from './routes/decisions';
import { healthRoutes } from './routes/health';
import { lifecycleRoutes } from './routes/lifecycles';
import { lineageRoutes } from './routes/lineage';
import { modelRoutes } from './routes/models';
import { runRoutes } from './routes/runs';

export interface ApiDeps {
  readonly registry: Registry;
  readonly artifacts: ArtifactStore;
  readonly lifecycles: LifecycleClient;
  readonly trainers: TrainerCatalog;
  /** Where clients reach the gateway, for links; null when unknown. */
  readonly gatewayUrl: string | null;
  readonly log: FastifyBaseLogger;
}

export type Api = FastifyInstance;

export interface RouteDeps extends ApiDeps {
  readonly feed: RunEventFeed;
}

const bodyLimitBytes = 1 << 20;

export async function createApi(deps: ApiDeps): Promise<Api> {
  const app = fastify({
    loggerInstance: deps.log,
    bodyLimit: bodyLimitBytes,
    disableRequestLogging: true,
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(() => (body) => JSON.stringify(body));
  app.setErrorHandler(problemHandler());
  app.setNotFoundHandler(notFoundHandler('GET /openapi.json lists the routes'));
  app.decorateRequest('traceId', '');
  app.decorateRequest('traceparent', '');
  app.addHook('onRequest', (request, reply, done) => {
    const trace = traceContext(request.headers.traceparent);
    request.traceId = trace.traceId;
    request.traceparent = trace.traceparent;
    void reply.header('traceparent', trace.traceparent);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const about = { method: request.method, route: request.routeOptions.url, status: reply.statusCode, traceId: request.traceId };
    request.log.debug({ ...about, milliseconds: Math.round(reply.elapsedTime) }, 'request');
    done();
  });
  const metrics = apiMetrics(app);

  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Perennial',
        version: '1',
        description: 'Runs the whole life of a model. Errors are application/problem+json (RFC 9457).',
      },
      components: { securitySchemes: { apiKey: { type: 'http', scheme: 'bearer' } } },
      security: [{ apiKey: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
  await app.register(swaggerUi, { routePrefix: '/docs' });
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());

  const feed = await openRunEventFeed(deps.registry.events);
  app.addHook('onClose', () => feed.close());
  const routeDeps: RouteDeps = { ...deps, feed };
  await app.register(healthRoutes(routeDeps, metrics));
  await app.register(
    async (api) => {
      for (const routes of [
        lifecycleRoutes,
        runRoutes,
        modelRoutes,
        datasetRoutes,
        lineageRoutes,
        decisionRoutes,
        auditRoutes,
        apiKeyRoutes,
      ]) {
        await api.register(routes(routeDeps));
      }
    },
    { prefix: '/api/v1' },
  );
  return app as unknown as Api;
}
