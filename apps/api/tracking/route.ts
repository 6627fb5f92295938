import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { problemHandler } from '../../http/problem';
import { drainBody } from '../../http/unread-body';
import { bodyProblem } from '../../http/json-body';
import type { RouteDeps } from '../route-deps';
import { trackedArtifactRoutes } from './artifact-route';
import { experimentRoutes } from './experiment-route';
import { mlflowForm, mlflowStatuses } from './form';
import { checkJobScope } from './job-scope';
import { loggedModelRoutes } from './model-route';
import { trackedRunRoutes } from './run-route';

/**
 * MLflow's tracking REST API 2.0 for the caller's tenant. MLflow documents it, so the OpenAPI
 * document leaves it out.
 */
export function trackingRoutes(deps: RouteDeps): FastifyPluginAsyncZod {
  const answer = problemHandler(mlflowStatuses, mlflowForm);
  return async (app) => {
    app.addHook('onRoute', (route) => {
      route.schema = { ...route.schema, hide: true };
    });
    app.setErrorHandler((error, request, reply) => {
      drainBody(request);
      void reply.removeHeader('connection');
      const { bodyLimit } = request.routeOptions;
      answer(bodyProblem(error, bodyLimit) ?? (error as Error), request, reply);
    });
    app.addHook('preHandler', (request) => checkJobScope(deps.registry, request));
    await app.register(experimentRoutes(deps));
    await app.register(trackedRunRoutes(deps));
    await app.register(loggedModelRoutes(deps));
    await app.register(trackedArtifactRoutes(deps));
  };
}
