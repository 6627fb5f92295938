import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Readable } from 'node:stream';
import type { ApiKeyIdentity } from '../../../db/access/repository';
import { openTurns, type TurnOptions } from '../../../db/turns';
import { HttpProblem } from '../problem';
import '../request-context';

/**
 * Sends 429 with Retry-After after a key has sent more than this many requests in a minute. Each
 * process counts separately. It runs after authentication and before the body is read. The
 * platform's own key and probes without a key are not counted. Register it before the routes.
 */
export async function limitRequests(
  app: FastifyInstance,
  { requestsPerMinute }: { readonly requestsPerMinute: number },
): Promise<void> {
  await app.register(rateLimit, {
    max: requestsPerMinute,
    timeWindow: 60_000,
    hook: 'preParsing',
    cache: 10_000,
    keyGenerator: (request) => findCaller(request)?.id ?? request.ip,
    allowList: (request) => {
      const caller = findCaller(request);
      return caller === undefined || caller.isService;
    },
    addHeadersOnExceeding: {
      'x-ratelimit-limit': false,
      'x-ratelimit-remaining': false,
      'x-ratelimit-reset': false,
    },
    addHeaders: {
      'x-ratelimit-limit': false,
      'x-ratelimit-remaining': false,
      'x-ratelimit-reset': false,
      'retry-after': true,
    },
    errorResponseBuilder: (request, { ttl }) =>
      tooManyRequests(
        `the key ${findCaller(request)?.name ?? ''} exceeded ${requestsPerMinute} requests per minute`,
        Math.ceil(ttl / 1000),
      ),
  });
}

function findCaller(request: FastifyRequest): ApiKeyIdentity | undefined {
  return (request as Partial<Pick<FastifyRequest, 'caller'>>).caller;
}

function tooManyRequests(detail: string, seconds: number): HttpProblem {
  return new HttpProblem(
    429,
    'TooManyRequests',
    detail,
    `try again in ${seconds} s, or ask the operator for a higher limit`,
    seconds,
  );
}

/**
 * Queues requests that change something, so that they never use all PostgreSQL connections. Sends
 * 429 with Retry-After if the queue is full or the wait is too long. Register it before the routes.
 */
export function queueChanges(app: FastifyInstance, limits: Omit<TurnOptions, 'refuse'>): void {
  const turns = openTurns({
    ...limits,
    refuse: ({ running, waiting }) => {
      const detail = `${running} changes are in progress in this API and ${waiting} are waiting`;
      return new HttpProblem(
        429,
        'TooManyRequests',
        detail,
        'send fewer concurrent changes, and try again',
        retrySeconds,
      );
    },
  });
  app.addHook('onRoute', (route) => {
    // Requests that need only viewer scope change nothing, whatever their method.
    if (['GET', 'HEAD'].includes(String(route.method)) || route.config?.scope === 'viewer') return;
    const { handler } = route;
    route.handler = function (request, reply) {
      return turns.run(() => Promise.resolve(handler.call(this, request, reply)));
    };
  });
}

const retrySeconds = 2;

/**
 * For routes whose work takes seconds. Per key, `perKey` requests run at once and `maxWaiting`
 * wait; further requests get 429. So one caller leaves capacity for others.
 */
export function openWorkLimit({
  perKey,
  maxWaiting,
}: {
  readonly perKey: number;
  readonly maxWaiting: number;
}) {
  const lanes = new Map<string, Lane>();
  /** Waits for a place and returns what frees it. Throws 429 if the queue is full. */
  const takePlace = async (caller: WorkCaller): Promise<() => void> => {
    const lane = lanes.get(caller.id) ?? { running: 0, waiting: [] };
    lanes.set(caller.id, lane);
    if (lane.running < perKey) lane.running += 1;
    else if (lane.waiting.length < maxWaiting)
      await new Promise<void>((resolve) => lane.waiting.push(resolve));
    else {
      const count = lane.running + lane.waiting.length;
      throw tooManyRequests(
        `the key ${caller.name} already has ${count} requests of this kind in progress`,
        1,
      );
    }
    return () => {
      const next = lane.waiting.shift();
      // The place passes directly to the next request.
      if (next !== undefined) next();
      else if ((lane.running -= 1) === 0) lanes.delete(caller.id);
    };
  };
  return {
    /** Runs the work when a place is free, or throws 429 if the queue is full. */
    async run<T>(caller: WorkCaller, work: () => Promise<T>): Promise<T> {
      const leave = await takePlace(caller);
      try {
        return await work();
      } finally {
        leave();
      }
    },
    /** As `run`, for work that opens a stream. The place is free when the stream has closed. */
    async open(caller: WorkCaller, openStream: () => Promise<Readable>): Promise<Readable> {
      const leave = await takePlace(caller);
      try {
        return (await openStream()).once('close', leave);
      } catch (error) {
        leave();
        throw error;
      }
    },
  };
}

type WorkCaller = Pick<ApiKeyIdentity, 'id' | 'name'>;

interface Lane {
  running: number;
  readonly waiting: (() => void)[];
}

export type WorkLimit = ReturnType<typeof openWorkLimit>;
