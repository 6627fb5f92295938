import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fastify, { LogController } from 'fastify';
import { isPerennialError } from '../../domain/failure';
import { requireJsonWithin } from '../http/json-bounds';
import { HttpProblem, notFoundHandler, problemHandler, type Problem } from '../http/problem';
import '../http/request-context';
import { addSecurityHeaders } from '../http/security-headers';
import { traceContext } from '../http/trace-context';
import type { GatewayConfig } from './config';

/** Where a failure means something else here than in the platform API. */
export const gatewayOverrides = {
  InvalidInput: 400,
  NotInThisVersion: 400,
  ContextOverflow: 400,
  SqlTimeout: 504,
  BudgetSpent: 429,
} as const;

/** Rows come as lists of numbers, of which a body of 10 MiB may hold millions; maps are few and small: ten thousand labels of feedback have up to six keys each. */
const jsonBounds = { values: 3_000_000, keys: 60_000, depth: 64 };

/** The web server before its routes: limits, JSON, traces, and errors as problems. */
export function openHttpApp(config: Pick<GatewayConfig, 'bodyLimitBytes'>, log: FastifyBaseLogger): FastifyInstance {
  const app = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: config.bodyLimitBytes,
    // A body that trickles in holds memory; the answer's own time is bounded by deadlines.
    requestTimeout: 30_000,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 300 },
  });
  app.setErrorHandler(errorHandler(config));
  app.setNotFoundHandler(notFoundHandler('GET /v2 tells whether this is the gateway; the platform API has its own address'));
  app.removeContentTypeParser(['application/json', 'text/plain']);
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    const encoding = request.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      done(new HttpProblem(415, 'UnsupportedEncoding', `a body in ${encoding.slice(0, 40)} is not read; send it as it is`));
      return;
    }
    try {
      requireJsonWithin(body as string, jsonBounds);
      done(null, JSON.parse(body as string));
    } catch (error) {
      done(isPerennialError(error) ? error : invalidJson(error));
    }
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
  return app;
}

/** `bodyOf` adds what a protocol of its own wants an error to hold. */
export function errorHandler(
  { bodyLimitBytes }: Pick<GatewayConfig, 'bodyLimitBytes'>,
  bodyOf?: (problem: Problem) => Problem,
): (error: unknown, request: FastifyRequest, reply: FastifyReply) => void {
  const answerProblem = problemHandler(gatewayOverrides, bodyOf);
  return (error, request, reply) => {
    // Stock clients come again after 429 unless they are told not to: more money does not come in seconds.
    if (isPerennialError(error) && error.type === 'BudgetSpent' && error.retryAfterMs === undefined)
      void reply.header('x-should-retry', 'false');
    answerProblem(isTooLarge(error) ? tooLarge(request.headers['content-length'], bodyLimitBytes) : (error as Error), request, reply);
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
    'send fewer rows a request',
  );
}

/** V8 quotes the text around the mistake, which is somebody's data. */
function invalidJson(error: unknown): HttpProblem {
  const reason = error instanceof Error ? error.message.replace(/,? ?(\.\.\.)?".*$/s, '') : 'unreadable';
  return new HttpProblem(400, 'InvalidJson', `the body is not valid JSON: ${reason}`);
}
