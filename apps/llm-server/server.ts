/**
 * The embedded language model with OpenAI's protocol: llama.cpp in this process, concurrent answers
 * in common batches, adapters by name.
 */
import type { AddressInfo } from 'node:net';
import { timingSafeEqual } from 'node:crypto';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply } from 'fastify';
import fastify, { LogController } from 'fastify';
import type { ArtifactStore } from '../../data/artifact/store';
import { sha256 } from '../../data/digest';
import type { Embedder } from '../../data/index/embedders/embedder';
import { openMiniLm } from '../../data/index/embedders/minilm';
import { drainBody } from '../http/unread-body';
import { ApiError, errorBody } from './api-error';
import type { LlmServerConfig } from './config';
import { checkHost, isLoopback } from './host-check';
import { openEngine, type Engine } from './engine';
import { createLlmServerMetrics } from './metrics';
import { chatRoutes } from './routes/chat';
import { embeddingRoutes } from './routes/embeddings';
import { modelRoutes } from './routes/models';

export interface LlmServer {
  /**
   * Listen at once, so that probes get an answer, and load the model; `/readyz` reports when it is
   * loaded. Rejects when the model cannot be loaded.
   */
  start(): Promise<{ readonly url: string }>;
  /** Stop. Answers in progress may complete within the grace period. */
  stop(graceMs: number): Promise<void>;
}

export interface LlmServerDeps {
  readonly config: LlmServerConfig;
  /** The store of adapters; null when there is none. */
  readonly artifacts: Pick<ArtifactStore, 'toFile'> | null;
  readonly log: FastifyBaseLogger;
}

export function createLlmServer({ config, artifacts, log }: LlmServerDeps): LlmServer {
  let engine: Engine | null = null;
  let embedder: Promise<Embedder> | null = null;
  let writing = 0;
  const metrics = createLlmServerMetrics(() => ({
    waiting: 0,
    adapters: 0,
    ...engine?.load(),
    writing,
    ready: engine !== null,
  }));
  const requireEngine = (): Engine => {
    if (engine === null)
      throw new ApiError(503, 'the model is still loading', {
        code: 'model_loading',
        retryAfterSeconds: 2,
      });
    return engine;
  };

  const app = openApp(config, log);
  app.get('/livez', () => ({ status: 'alive' }));
  app.get('/readyz', (_request, reply) =>
    reply
      .status(engine === null ? 503 : 200)
      .send({ status: engine === null ? 'loading' : 'ready' }),
  );
  app.get('/metrics', async (_request, reply) =>
    reply
      .header('content-type', metrics.registry.contentType)
      .send(await metrics.registry.metrics()),
  );
  chatRoutes(app, {
    engine: requireEngine,
    modelName: config.model.name,
    metrics,
    async writing(work) {
      writing++;
      try {
        return await work();
      } finally {
        writing--;
      }
    },
  });
  embeddingRoutes(app, () => {
    embedder ??= openMiniLm();
    embedder.catch(() => (embedder = null));
    return embedder;
  });
  modelRoutes(app, { engine: requireEngine, modelName: config.model.name });
  app.addHook('onResponse', (request, reply, done) => {
    metrics.request({
      route: request.routeOptions.url ?? 'none',
      status: reply.statusCode,
      seconds: reply.elapsedTime / 1000,
    });
    done();
  });

  return {
    async start() {
      await app.listen({ host: config.host, port: config.port });
      const { port } = app.server.address() as AddressInfo;
      engine = await openEngine({ config, artifacts, warn: (message) => log.warn(message) });
      return {
        url: `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`,
      };
    },
    async stop(graceMs) {
      const ended = app.close();
      for (const until = Date.now() + graceMs; writing > 0 && Date.now() < until;)
        await new Promise((wake) => setTimeout(wake, 20));
      app.server.closeAllConnections();
      await ended;
      await engine?.close();
      await (await embedder?.catch(() => null))?.close();
    },
  };
}

function openApp(config: LlmServerConfig, log: FastifyBaseLogger): FastifyInstance {
  const app = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: config.bodyLimitBytes,
    // A slow upload occupies memory.
    requestTimeout: 30_000,
    forceCloseConnections: 'idle',
  });
  app.setErrorHandler((error, request, reply) => {
    drainBody(request);
    // Fastify sets it to close the connection; the rest of the body is read and dropped instead.
    void reply.removeHeader('connection');
    return sendError(asApiError(error, config), error, reply, request.url);
  });
  app.setNotFoundHandler((request, reply) =>
    reply.status(404).send(
      errorBody(
        new ApiError(404, `Unknown request URL: ${request.method} ${request.url.slice(0, 200)}`, {
          code: 'unknown_url',
        }),
      ),
    ),
  );
  if (config.apiKey === null && isLoopback(config.host)) checkHost(app);
  if (config.apiKey !== null) {
    const wanted = Buffer.from(sha256(`Bearer ${config.apiKey}`));
    app.addHook('onRequest', (request, _reply, done) => {
      const open = ['/livez', '/readyz', '/metrics'].includes(request.url);
      // Digests have equal length, so the comparison does not reveal the length of the key.
      const right =
        open || timingSafeEqual(wanted, Buffer.from(sha256(request.headers.authorization ?? '')));
      done(
        right
          ? undefined
          : new ApiError(401, 'Incorrect API key provided', { code: 'invalid_api_key' }),
      );
    });
  }
  return app;
}

async function sendError(
  api: ApiError,
  error: unknown,
  reply: FastifyReply,
  url: string,
): Promise<void> {
  if (api.status >= 500) reply.log.error({ err: error, url }, 'a request failed');
  if (api.retryAfterSeconds !== null)
    void reply.header('retry-after', String(api.retryAfterSeconds));
  await reply.status(api.status).send(errorBody(api));
}

function asApiError(error: unknown, config: LlmServerConfig): ApiError {
  if (error instanceof ApiError) return error;
  const { statusCode, code } = error as { readonly statusCode?: number; readonly code?: string };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new ApiError(413, `the body is larger than ${config.bodyLimitBytes / 2 ** 20} MiB`, {
      code: 'request_too_large',
    });
  }
  if (statusCode === 415)
    return new ApiError(415, 'the body must be application/json', {
      code: 'unsupported_media_type',
    });
  // The error of V8 quotes the body, which may be a user's prompt.
  if (statusCode === 400 || error instanceof SyntaxError)
    return new ApiError(400, 'the body is not valid JSON', { code: 'invalid_json' });
  return new ApiError(500, 'internal error; see the log of the server', {
    code: 'internal_error',
    cause: error,
  });
}
