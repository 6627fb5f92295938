/**
 * Errors as RFC 9457 `application/problem+json`. Only this file maps a failure type to an HTTP
 * status.
 */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { FailureType, Issue } from '../../domain/failure';
import { isPerennialError } from '../../domain/failure';
import type { AllowedMethods } from './allowed-methods';

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** Stable, for programs. */
  readonly code: string;
  readonly errors?: readonly Issue[];
  /** The next step. */
  readonly next?: string;
  /** Seconds; also sent as the header of this name. */
  readonly retryAfter?: number;
  readonly traceId: string;
}

const statusOf = {
  InvalidInput: 422,
  NotFound: 404,
  Conflict: 409,
  IdempotencyConflict: 422,
  NotInThisVersion: 422,
  Forbidden: 403,
  TenantLimit: 429,
  SourceUnreachable: 502,
  SourceRefused: 422,
  SourceTooLarge: 422,
  DataUnreadable: 422,
  DatasetEmpty: 422,
  ContractViolated: 422,
  SqlInvalid: 422,
  SqlForbidden: 422,
  SqlTimeout: 422,
  SqlOutOfMemory: 422,
  JobFailed: 500,
  JobTimeout: 500,
  JobOutOfMemory: 500,
  JobWithoutResult: 500,
  JobLost: 500,
  ChildRunFailed: 500,
  StageFailed: 500,
  StageRefused: 422,
  BackendUnavailable: 503,
  ArtifactMissing: 410,
  DigestMismatch: 502,
  StorageUnavailable: 503,
  DatabaseUnavailable: 503,
  // The queue is full, and a caller with fewer concurrent requests would succeed.
  DatabaseBusy: 429,
  GatewayUnavailable: 503,
  PlatformUnavailable: 503,
  ModelUnloadable: 422,
  // OpenAI clients act on these statuses: they retry after 429, 503 and 504, but not after 402 and
  // 422.
  ProviderRateLimited: 429,
  ProviderUnavailable: 503,
  AnswerLost: 502,
  ProviderTimeout: 504,
  ProviderRefused: 502,
  ProviderDenied: 502,
  ModelNotFound: 404,
  ContextOverflow: 422,
  AnswerInvalid: 502,
  AnswerWithheld: 422,
  BudgetSpent: 402,
  IndexMismatch: 409,
  IndexIncomplete: 503,
  FencedOff: 409,
} as const satisfies Record<FailureType, number>;

const titles: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Missing or invalid API key',
  402: 'Budget exhausted',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'Request timed out',
  409: 'Conflict',
  410: 'Gone',
  412: 'Conflicting state',
  413: 'Body too large',
  414: 'Path too long',
  415: 'Unsupported media type',
  422: 'Invalid input',
  428: 'If-Match is missing',
  429: 'Too many requests',
  431: 'Headers too large',
  500: 'Internal error',
  502: 'Upstream failed',
  503: 'Currently unavailable',
  504: 'Timeout',
};

export function findTitle(status: number): string {
  return titles[status] ?? 'Error';
}

/** An HTTP error that is not a domain failure, such as authentication or a precondition. */
export class HttpProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly next: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    status: number,
    code: string,
    detail: string,
    next?: string,
    retryAfterSeconds?: number,
  ) {
    super(detail);
    this.name = 'HttpProblem';
    this.status = status;
    this.code = code;
    this.next = next;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export type ProblemHandler = (
  error: FastifyError | Error,
  request: FastifyRequest,
  reply: FastifyReply,
) => void;

/** The error format of another protocol: additional members and its media type. */
export interface ErrorFormat {
  readonly mediaType: string;
  readonly buildBody: (problem: Problem) => Problem;
}

const plainForm: ErrorFormat = {
  mediaType: 'application/problem+json',
  buildBody: (problem) => problem,
};

/**
 * `overrides` are for a server where the same failure means something else. For example, a model
 * that cannot be loaded is the caller's error in the platform API but an outage in the gateway.
 */
export function problemHandler(
  overrides: Partial<Record<FailureType, number>> = {},
  form: ErrorFormat = plainForm,
): ProblemHandler {
  return (error, request, reply) =>
    answerProblem(toProblem(error, request.traceId, overrides), form, { error, request, reply });
}

interface FailedRequest {
  readonly error: Error;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

function answerProblem(
  problem: Problem,
  { mediaType, buildBody }: ErrorFormat,
  { error, request, reply }: FailedRequest,
): void {
  if (problem.status >= 500)
    request.log.error({ err: error, traceId: request.traceId }, 'request failed');
  const retryAfter = problem.retryAfter ?? (problem.status === 503 ? 1 : null);
  if (retryAfter !== null) void reply.header('retry-after', `${retryAfter}`);
  // Fastify would close the connection during the body, and a client that is still sending would
  // see a broken pipe instead of the reason. Node reads and drops the rest within the server's
  // request timeout. HTTP/2 does not allow this header.
  if (problem.status === 413 || request.raw.httpVersionMajor === 2)
    void reply.removeHeader('connection');
  if (problem.status === 401) void reply.header('www-authenticate', 'Bearer');
  void reply
    .status(problem.status)
    .header('content-type', mediaType)
    .serializer(String)
    .send(JSON.stringify(buildBody(problem)));
}

/**
 * Sends the response to a request without a route at once, whatever its body. Call it after the
 * hooks that set trace and headers.
 */
export function handleUnknownRoutes(app: FastifyInstance, options: NotFoundOptions): void {
  const answer = notFoundHandler(options);
  app.setNotFoundHandler(answer);
  app.addHook('onRequest', (request, reply, done) => {
    if (request.is404) answer(request, reply);
    else done();
  });
}

export interface NotFoundOptions {
  /** A hint where the existing routes are listed. */
  readonly next: string;
  readonly methods: AllowedMethods;
  /** The format of the protocol that a path belongs to; default: a plain problem. */
  readonly chooseFormat?: (path: string) => ErrorFormat | undefined;
}

/**
 * Sends 405 with `Allow` if the path has a route for another method, else 404 (RFC 9110, 15.5.6).
 */
function notFoundHandler({ next, methods, chooseFormat }: NotFoundOptions) {
  return (request: FastifyRequest, reply: FastifyReply): void => {
    const path = request.url.split('?')[0] ?? '';
    const known = methods(path);
    // A route with this method found no file.
    const allowed = known?.includes(request.method) === true ? undefined : known;
    if (allowed !== undefined) void reply.header('allow', allowed.join(', '));
    const error =
      allowed === undefined
        ? new HttpProblem(404, 'NoSuchRoute', `no ${request.method} ${path}`, next)
        : new HttpProblem(
            405,
            'MethodNotAllowed',
            `${request.method} is not allowed for ${path}`,
            `use ${allowed.join(' or ')}`,
          );
    answerProblem(toProblem(error, request.traceId), chooseFormat?.(path) ?? plainForm, {
      error,
      request,
      reply,
    });
  };
}

/**
 * Contains no request data and nothing about this machine, only messages that are written for
 * callers.
 */
export function toProblem(
  error: FastifyError | Error,
  traceId: string,
  overrides: Partial<Record<FailureType, number>> = {},
): Problem {
  const statuses = { ...statusOf, ...overrides };
  if (error instanceof HttpProblem) {
    return problem(error.status, error.code, error.message, traceId, {
      next: error.next,
      retryAfter: error.retryAfterSeconds,
    });
  }
  if (isPerennialError(error)) {
    const { type, issues: errors, next, retryAfterMs } = error;
    const saysWhen = type === 'BudgetSpent' || type === 'DatabaseBusy';
    const retryAfter =
      saysWhen && retryAfterMs !== undefined ? Math.ceil(retryAfterMs / 1000) : undefined;
    return problem(statuses[type], type, error.message, traceId, { errors, next, retryAfter });
  }
  const status =
    'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : 500;
  // Fastify's own errors explain the request. Any other error could hold a secret and is only
  // logged.
  if (status >= 400 && status < 500)
    return problem(status, clientErrorCode(error, status), error.message, traceId);
  return problem(
    500,
    'Unexpected',
    `unexpected error; see the log under trace ${traceId}`,
    traceId,
  );
}

function clientErrorCode(error: Error, status: number): string {
  if (status === 413) return 'BodyTooLarge';
  if (status === 415) return 'UnsupportedMediaType';
  if (error instanceof SyntaxError) return 'InvalidJson';
  return 'code' in error && typeof error.code === 'string' && error.code.includes('JSON')
    ? 'InvalidJson'
    : 'BadRequest';
}

function problem(
  status: number,
  code: string,
  detail: string,
  traceId: string,
  {
    errors = [],
    next,
    retryAfter,
  }: {
    readonly errors?: readonly Issue[];
    readonly next?: string | undefined;
    readonly retryAfter?: number | undefined;
  } = {},
): Problem {
  return {
    type: `https://perennial.dev/problems/${code}`,
    title: findTitle(status),
    status,
    detail,
    code,
    ...(errors.length > 0 ? { errors } : {}),
    ...(next === undefined ? {} : { next }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
    traceId,
  };
}
