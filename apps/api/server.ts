/** The platform API. It is stateless, so any number of copies may run. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fastify, { LogController } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { readingFor } from '../../data/artifact/reader';
import { openOffThread } from '../../data/off-thread/off-thread';
import { withActingKey } from '../../db/acting-key';
import { documentLimits } from '../../domain/document/document';
import { readReason } from '../http/reason';
import { watchMethods } from '../http/allowed-methods';
import { checkClientVersions } from '../http/client-version';
import { acceptJson, bodyProblem } from '../http/json-body';
import { sendParserError } from '../http/parser-errors';
import { handleUnknownRoutes, problemHandler } from '../http/problem';
import { limitAddresses } from '../http/limits/address-limit';
import { openDownloads } from '../http/download';
import { limitRequests, openWorkLimit, queueChanges } from '../http/limits/rate-limit';
import { validateRequest } from '../http/request-validation';
import { addSecurityHeaders, setSecurityHeaders } from '../http/security-headers';
import { traceContext } from '../http/trace-context';
import type { ApiDeps, RouteDeps } from './route-deps';
import { serializeResponse } from './response';
import { drainBody } from '../http/unread-body';
import { openGuards } from './auth';
import { auditDeniedCalls } from './access/denied-calls';
import { openRunEventFeed } from './events/event-feed';
import { measureApi } from './metrics';
import { describeApi } from './openapi';
import { apiKeyRoutes } from './access/route';
import { sessionRoutes } from './access/session-route';
import { tenantRoutes } from './access/tenant-route';
import { auditRoutes } from './audit/route';
import { budgetRoutes } from './budget/route';
import { costRoutes } from './cost/route';
import { incidentRoutes } from './incident/route';
import { datasetRoutes } from './dataset/route';
import { decisionRoutes } from './decision/route';
import { healthRoutes } from './platform/health-route';
import { applyRoutes } from './lifecycle/apply-route';
import { lifecycleArchiveRoutes } from './lifecycle/archive-route';
import { pendingRevisionRoutes } from './lifecycle/revision-route';
import { lifecycleRoutes } from './lifecycle/route';
import { startRunRoutes } from './lifecycle/start-route';
import { projectRoutes } from './project/route';
import { lineageRoutes } from './lineage/route';
import { modelFileRoutes } from './model/file-route';
import { modelImportRoutes } from './model/import-route';
import { modelRoutes } from './model/route';
import { monitorRoutes } from './monitoring/route';
import { platformRoutes } from './platform/route';
import { predictionRoutes } from './serving/route';
import { tryRoutes } from './serving/try-route';
import { promptLabelRoutes } from './prompt/label-route';
import { promptEvaluationRoutes } from './prompt/evaluation-route';
import { promptSearchRoutes } from './prompt/search-route';
import { indexBuildRoutes } from './index/build-route';
import { indexChangeRoutes } from './index/change-route';
import { indexRoutes } from './index/route';
import { promptRoutes } from './prompt/route';
import { overviewRoutes } from './overview/route';
import { pageRoutes } from './pages/route';
import { eventRoutes } from './retraining/event-route';
import { retrainingRoutes } from './retraining/route';
import { retentionRoutes } from './retention/route';
import { rolloutRoutes } from './rollout/route';
import { runHistoryRoutes } from './run/history-route';
import { runCommandRoutes } from './run/command-route';
import { runEvidenceRoutes } from './run/evidence-route';
import { rerunRoutes } from './run/rerun-route';
import { runRoutes } from './run/route';
import { sentEventRoutes } from './run/sent-event-route';
import { scheduleRoutes } from './schedule/route';
import { experimentListRoutes } from './tracking/list-route';
import { isTrackingPath } from './tracking-path';
import { trackingRoutes } from './tracking/route';
import { mlflowForm } from './tracking/form';
import { webhookRoutes } from './notification/route';
import { openEventStreams } from './events/events';

/**
 * Limits of concurrent changes, each of which uses one of ten connections to PostgreSQL. Requests
 * that wait get a response before usual clients time out.
 */
const changes = { maxRunning: 6, maxWaiting: 256, maxWaitMs: 20_000 };

/** A hundred per second. */
const defaultRequestsPerMinute = 6_000;

export type Api = FastifyInstance;

const nouns = [
  overviewRoutes,
  lifecycleRoutes,
  applyRoutes,
  pendingRevisionRoutes,
  lifecycleArchiveRoutes,
  startRunRoutes,
  projectRoutes,
  runRoutes,
  runEvidenceRoutes,
  runCommandRoutes,
  rerunRoutes,
  sentEventRoutes,
  runHistoryRoutes,
  scheduleRoutes,
  webhookRoutes,
  incidentRoutes,
  eventRoutes,
  retrainingRoutes,
  modelRoutes,
  modelFileRoutes,
  modelImportRoutes,
  experimentListRoutes,
  promptRoutes,
  indexRoutes,
  indexBuildRoutes,
  indexChangeRoutes,
  promptLabelRoutes,
  promptSearchRoutes,
  promptEvaluationRoutes,
  budgetRoutes,
  costRoutes,
  rolloutRoutes,
  monitorRoutes,
  predictionRoutes,
  tryRoutes,
  datasetRoutes,
  lineageRoutes,
  decisionRoutes,
  auditRoutes,
  apiKeyRoutes,
  sessionRoutes,
  tenantRoutes,
  platformRoutes,
  retentionRoutes,
];

export async function createApi(deps: ApiDeps): Promise<Api> {
  const app = openHttpApp(deps);
  const feed = await openRunEventFeed(deps.registry.events);
  const streams = openEventStreams(deps.registry, feed);
  // Before the server waits for its connections, because streams stay open until their runs end.
  app.addHook('preClose', (done) => {
    streams.close();
    done();
  });
  const offThread = openOffThread();
  app.addHook('onClose', async () => {
    await feed.close();
    await offThread.close();
  });
  const metrics = measureApi(app, streams);
  limitAddresses(app);
  await limitRequests(app, {
    requestsPerMinute: deps.requestsPerMinute ?? defaultRequestsPerMinute,
  });
  queueChanges(app, changes);
  await describeApi(app);
  actForCallers(app);
  auditDeniedCalls(app, deps.registry.commands);
  const routeDeps: RouteDeps = {
    ...deps,
    guards: openGuards({ ...deps.registry, commandKeys: deps.commandKeys }),
    offThread,
    downloads: openDownloads(deps),
    heavyWork: openWorkLimit({ perKey: 4, maxWaiting: 32 }),
    streams,
  };
  await app.register(healthRoutes(routeDeps, metrics));
  await app.register(
    async (api) => {
      for (const routes of nouns) await api.register(routes(routeDeps));
    },
    { prefix: '/api/v1' },
  );
  await app.register(trackingRoutes(routeDeps), { prefix: '/api/2.0' });
  await app.register(pageRoutes(routeDeps));
  return app;
}

/**
 * Audits all writes of a request with the caller's key, and reads only artifacts of its tenant. After the body is read, because reading it
 * would lose the context.
 */
function actForCallers(app: FastifyInstance): void {
  app.addHook('preHandler', (request, _, done) => {
    const { caller } = request as Partial<Pick<FastifyRequest, 'caller'>>;
    if (caller)
      withActingKey(caller.id, () => readingFor(caller.tenant, done), readReason(request));
    else done();
  });
}

/**
 * Twice the limit of a document (domain/document/document.ts), which reports the key that is too
 * large. This limit only protects the parser.
 */
const jsonBounds = {
  values: 2 * documentLimits.values,
  keys: documentLimits.values / 2,
  depth: 4 * documentLimits.depth,
};

/** The web server before its routes: limits, JSON, traces, and errors as problems. */
function openHttpApp({
  log,
  trustedProxies,
}: Pick<ApiDeps, 'log' | 'trustedProxies'>): FastifyInstance {
  const answerProblem = problemHandler();
  const app = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    bodyLimit: 1 << 20,
    // A slow body holds memory. Answers may take longer.
    requestTimeout: 60_000,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 300 },
    clientErrorHandler: sendParserError,
    // A path that cannot be decoded reaches neither routes nor the hooks below.
    frameworkErrors: (error, request, reply) => {
      request.traceId = traceContext(request.headers.traceparent).traceId;
      setSecurityHeaders(reply, { tls: false });
      answerProblem(error, request, reply);
    },
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validateRequest);
  app.setSerializerCompiler(serializeResponse);
  acceptJson(app, jsonBounds);
  app.setErrorHandler((error, request, reply) => {
    drainBody(request);
    // Fastify sets this so that the client stops sending; instead, the rest of the body is read and
    // dropped.
    void reply.removeHeader('connection');
    answerProblem(
      bodyProblem(error, request.routeOptions.bodyLimit) ?? (error as Error),
      request,
      reply,
    );
  });
  app.decorateRequest('traceId', '');
  app.decorateRequest('traceparent', '');
  addSecurityHeaders(app, { tls: false });
  app.addHook('onRequest', (request, reply, done) => {
    const trace = traceContext(request.headers.traceparent);
    request.traceId = trace.traceId;
    request.traceparent = trace.traceparent;
    void reply.header('traceparent', trace.traceparent);
    done();
  });
  // First, so that an incompatible client gets this reason and not an unknown route.
  checkClientVersions(app);
  handleUnknownRoutes(app, {
    next: 'GET /openapi.json lists the routes',
    methods: watchMethods(app),
    chooseFormat: (path) => (isTrackingPath(path) ? mlflowForm : undefined),
  });
  app.addHook('onResponse', (request, reply, done) => {
    const about = {
      method: request.method,
      route: request.routeOptions.url,
      status: reply.statusCode,
      traceId: request.traceId,
    };
    request.log.debug({ ...about, milliseconds: Math.round(reply.elapsedTime) }, 'request');
    done();
  });
  return app;
}
