import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fastify, { LogController, type FastifyServerFactory } from 'fastify';
import { isPerennialError } from '../../domain/failure';
import { watchMethods } from '../http/allowed-methods';
import { inferenceErrors } from '../http/inference-error';
import { acceptBodies, bodyText, parseJson, requireJsonType } from '../http/json-body';
import { sendParserError } from '../http/parser-errors';
import {
  HttpProblem,
  handleUnknownRoutes,
  problemHandler,
  type ErrorFormat,
} from '../http/problem';
import '../http/request-context';
import { addSecurityHeaders, setSecurityHeaders } from '../http/security-headers';
import { traceContext } from '../http/trace-context';
import type { GatewayConfig } from './config';

/** The statuses that differ from those of the platform API. */
export const gatewayOverrides = {
  InvalidInput: 400,
  NotInThisVersion: 400,
  ContextOverflow: 400,
  SqlTimeout: 504,
  DatabaseBusy: 503,
  BudgetSpent: 429,
} as const;

/**
 * Limits for JSON. Rows are lists of numbers, of which a body of 10 MiB may have millions. Objects
 * are few and small: ten thousand labels with up to six keys each.
 */
const jsonBounds = { values: 3_000_000, keys: 60_000, depth: 64 };

/** A slow upload occupies memory. Deadlines limit the time of the answer. */
export const uploadTimeoutMs = 30_000;

/**
 * The web server before its routes: limits, JSON, traces, and errors as problems. Without a
 * `serverFactory` it speaks HTTP/1.1 without TLS.
 */
export function openHttpApp(
  config: Pick<GatewayConfig, 'bodyLimitBytes' | 'trustedProxies'>,
  log: FastifyBaseLogger,
  serverFactory?: FastifyServerFactory,
): FastifyInstance {
  const app = fastify({
    ...(serverFactory && { serverFactory }),
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    // A logger of its own for each request is expensive, and lines name the trace.
    childLoggerFactory: (logger) => logger,
    trustProxy: config.trustedProxies.length > 0 && [...config.trustedProxies],
    bodyLimit: config.bodyLimitBytes,
    requestTimeout: uploadTimeoutMs,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 300 },
    clientErrorHandler: sendParserError,
    // A path that cannot be decoded reaches no route and none of the hooks below.
    frameworkErrors: (error, request, reply) => {
      request.traceId = traceContext(request.headers.traceparent).traceId;
      setSecurityHeaders(reply, { tls: false });
      problemHandler(gatewayOverrides, chooseFormat(request.url))(error, request, reply);
    },
  });
  // Node takes the longer of this and `requestTimeout` for the whole request.
  app.server.headersTimeout = uploadTimeoutMs;
  app.setErrorHandler(errorHandler(config));
  acceptBodies(app, async (request, body) => {
    requireJsonType(request);
    return parseJson(await bodyText(request, body), jsonBounds);
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
  const next = 'this is the gateway (see GET /v2); the platform API has another address';
  handleUnknownRoutes(app, { next, methods: watchMethods(app), chooseFormat });
  return app;
}

/** The error format of the path's protocol; undefined for a plain problem. */
function chooseFormat(path: string): ErrorFormat | undefined {
  return /^\/v2([/?]|$)/.test(path) ? inferenceErrors : undefined;
}

/** `form` writes errors in the format of a protocol. */
export function errorHandler(
  { bodyLimitBytes }: Pick<GatewayConfig, 'bodyLimitBytes'>,
  form?: ErrorFormat,
): (error: unknown, request: FastifyRequest, reply: FastifyReply) => void {
  const answerProblem = problemHandler(gatewayOverrides, form);
  return (error, request, reply) => {
    // Stock clients retry after 429, but a budget does not grow within seconds.
    if (isPerennialError(error) && error.type === 'BudgetSpent' && error.retryAfterMs === undefined)
      void reply.header('x-should-retry', 'false');
    answerProblem(
      isTooLarge(error)
        ? tooLarge(request.headers['content-length'], bodyLimitBytes)
        : (error as Error),
      request,
      reply,
    );
  };
}

function isTooLarge(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'FST_ERR_CTP_BODY_TOO_LARGE';
}

function tooLarge(length: string | undefined, limit: number): HttpProblem {
  const size = length === undefined ? 'larger' : `${length} bytes`;
  return new HttpProblem(
    413,
    'BodyTooLarge',
    `the body is ${size}; the limit is ${limit} bytes (${limit / 1024 / 1024} MiB)`,
    'send fewer rows per request',
  );
}
