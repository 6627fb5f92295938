import type { FastifyInstance } from 'fastify';
import type { IndexReader } from '../../data/index/query-index';
import { limitAddresses } from '../http/limits/address-limit';
import { limitRequests } from '../http/limits/rate-limit';
import { compressResponse } from '../http/compression';
import { inferenceErrors } from '../http/inference-error';
import { openAiErrors } from '../http/openai-error';
import { requires } from './authentication';
import type { OpenAnswers } from './chat/open-answers';
import type { GatewayConfig } from './config';
import { createEmbeddingsMetrics } from './embeddings/embeddings-metrics';
import { errorHandler } from './http-app';
import { createIndexMetrics } from './index-query/index-metrics';
import { acceptInferBodies } from './inference/infer-body';
import type { KeyCache } from './key-cache';
import { chatRoutes, type ChatRouteDeps } from './routes/chat';
import { embeddingsRoutes, type EmbeddingsRouteDeps } from './routes/embeddings';
import { featuresRoutes } from './routes/features';
import { feedbackRoutes, type FeedbackRouteDeps } from './routes/feedback';
import { healthRoutes, type HealthRouteDeps } from './routes/health';
import { indexQueryRoutes } from './routes/index-query';
import { inferRoutes, type InferRouteDeps } from './routes/infer';
import { modelMetadataRoutes } from './routes/model-metadata';
import { openAiModelRoutes } from './routes/openai-models';
import { probeRoutes } from './routes/probe';
import type { LoadedRoutingTable } from './routing/routing-table';
import type { VersionPicker } from './routing/version-picker';

export interface GatewayParts
  extends
    Pick<ChatRouteDeps, 'chat' | 'metrics' | 'requests'>,
    Pick<EmbeddingsRouteDeps, 'embeddings'>,
    Pick<InferRouteDeps, 'infer' | 'admission'>,
    FeedbackRouteDeps,
    Pick<HealthRouteDeps, 'health' | 'metricsText'> {
  readonly config: GatewayConfig;
  readonly keys: KeyCache;
  readonly answers: OpenAnswers;
  readonly indexes: Pick<IndexReader, 'query'>;
  readonly picker: VersionPicker;
  readonly table: LoadedRoutingTable;
}

/** Register every route with its scope and the error format of its protocol. */
export async function registerRoutes(app: FastifyInstance, parts: GatewayParts): Promise<void> {
  const { config, keys, metrics, answers, indexes, picker, table } = parts;
  limitAddresses(app, { metricsToken: config.metricsToken });
  await limitRequests(app, config);
  await app.register((routes, _options, done) => {
    const { health, metricsText } = parts;
    const { metricsToken } = config;
    healthRoutes(routes, { health, metrics, metricsText, keys, metricsToken });
    done();
  });
  await app.register((routes, _options, done) => {
    routes.addHook('onRequest', requires('viewer', keys));
    routes.setErrorHandler(errorHandler(config, inferenceErrors));
    acceptInferBodies(routes);
    routes.addHook('onSend', compressResponse);
    inferRoutes(routes, parts);
    modelMetadataRoutes(routes, { picker });
    done();
  });
  await app.register((routes, _options, done) => {
    // Features may show what a model was trained on, so a read-only key must not see them.
    routes.addHook('onRequest', requires('operator', keys));
    routes.setErrorHandler(errorHandler(config, inferenceErrors));
    acceptInferBodies(routes);
    routes.addHook('onSend', compressResponse);
    const { admission } = parts;
    featuresRoutes(routes, { picker, admission, timeoutMs: config.requestTimeoutMs });
    done();
  });
  await app.register((routes, _options, done) => {
    routes.addHook('onRequest', requires('viewer', keys));
    indexQueryRoutes(routes, {
      indexes,
      metrics: createIndexMetrics(metrics.registry),
      timeoutMs: config.requestTimeoutMs.usual,
    });
    done();
  });
  await app.register((routes, _options, done) => {
    routes.addHook('onRequest', requires('viewer', keys));
    routes.setErrorHandler(errorHandler(config, openAiErrors));
    chatRoutes(routes, { ...parts, stallMs: config.chat.stallMs });
    embeddingsRoutes(routes, {
      embeddings: parts.embeddings,
      answers,
      metrics: createEmbeddingsMetrics(metrics.registry),
    });
    openAiModelRoutes(routes, { table });
    done();
  });
  await app.register((routes, _options, done) => {
    // Labels and probes influence decisions, so a read-only key must not send them.
    routes.addHook('onRequest', requires('operator', keys));
    feedbackRoutes(routes, parts);
    probeRoutes(routes, { picker });
    done();
  });
}
