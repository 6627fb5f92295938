/**
 * Serves models by the Open Inference Protocol V2 and language applications by the OpenAI API. It
 * has no state except its spool, so any number of copies may run.
 */
import { createServer, type RequestListener, type Server } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { ArtifactStore } from '../../data/artifact/store';
import type { IndexReader } from '../../data/index/query-index';
import type { ModelAccess } from '../../data/language/model-access';
import { openEmbedders } from '../../data/index/embedders/open-embedder';
import { openDetectors, type Detectors } from '../../data/safety/open-detectors';
import { newId } from '../../db/ids';
import type { PredictionRow } from '../../db/serving/prediction-records';
import type { Registry } from '../../db/registry';
import { listenAlone, reachableHost, withPort } from './addresses';
import { createChat } from './chat/chat';
import { createChatShadow } from './chat/chat-shadow';
import { createOpenAnswers } from './chat/open-answers';
import { createRetriever } from './chat/retrieve';
import type { GatewayConfig } from './config';
import { createEmbeddings } from './embeddings/embeddings';
import { createNameIndex } from './embeddings/name-index';
import { openFeedbackLog } from './feedback/feedback-log';
import { logReplayed } from './feedback/log-replayed';
import { registerRoutes } from './gateway-routes';
import { startFailureCounts } from './failure-counts';
import { openHttpApp } from './http-app';
import { createAdmission } from './inference/admission';
import { createInference } from './inference/inference';
import { createKeyCache } from './key-cache';
import { createLease } from './routing/lease';
import { createModelLoader } from './model/loaded-model';
import { createGatewayMetrics } from './metrics';
import type { MeasuredModel } from './model/measured-model';
import { createModelCache } from './model/model-cache';
import { createSharedGraphs } from './model/shared-graphs';
import type { GatewayMember } from './processes/member';
import { openJournal } from './prediction-log/journal';
import { createDiskFailures } from './prediction-log/disk-failures';
import { createInterruptedRequests } from './prediction-log/interrupted-requests';
import { startPredictionLog, type LossReason } from './prediction-log/prediction-log';
import { openRequestsInProgress } from './prediction-log/requests-in-progress';
import { rateLimitedLog } from './error-log-limiter';
import { createRoutingTable } from './routing/routing-table';
import type { ServedVersion } from './model/served-version';
import { createShadow } from './routing/shadow';
import { openSpill } from './prediction-log/spill';
import { createVersionPicker } from './routing/version-picker';
import { openTls } from './tls/tls';

export type GatewayRegistry = Pick<
  Registry,
  'apiKeys' | 'feedback' | 'gateways' | 'predictions' | 'routing'
> & {
  readonly indexes: Pick<Registry['indexes'], 'list'>;
};

export interface GatewayDeps {
  readonly registry: GatewayRegistry;
  readonly artifacts: Pick<ArtifactStore, 'getBytes'>;
  readonly access: Pick<ModelAccess, 'chat' | 'models' | 'rerank' | 'requireProvider'>;
  readonly indexes: Pick<IndexReader, 'query' | 'check' | 'embedder'>;
  /** The detectors of safety policies; its own unless it shares an embedder. */
  readonly detectors?: Detectors;
  readonly config: GatewayConfig;
  readonly log: FastifyBaseLogger;
  /** Set when this process shares its address with others. */
  readonly member?: GatewayMember | undefined;
}

export interface Gateway {
  readonly id: string;
  readonly app: FastifyInstance;
  /**
   * Listen, then read the routing table; `/readyz` reports when it is known. Also starts without
   * the registry and then retries. A process that shares its address listens there once it knows
   * the table, because the others can answer meanwhile; without a registry, after
   * `maxUnknownMs`. An aborted signal ends that wait.
   */
  start(signal?: AbortSignal): Promise<{ readonly url: string }>;
  /** Return the lease, complete answers in progress, and write all predictions. */
  stop(): Promise<void>;
}

const registryTimeoutMs = 3_000;
/** Between two reports of failed requests. */
const failureReportMs = 5_000;
const probeTimeoutMs = 10_000;
/** Then it answers at the shared address without a table: with 503 and the reason. */
const maxUnknownMs = 30_000;
const knownEveryMs = 20;
const orphanSeconds = 20;

export async function createGateway(deps: GatewayDeps): Promise<Gateway> {
  const {
    registry,
    artifacts,
    access,
    indexes,
    detectors = openDetectors({ embedders: openEmbedders() }),
    config,
    log,
    member,
  } = deps;
  const id = newId('gw');
  const metrics = createGatewayMetrics(member?.number ?? null);
  member?.share(() => metrics.registry.metrics());
  const { renewalMs } = config;
  const tls = config.tls && (await openTls({ files: config.tls, renewalMs, log }));
  let ownServer: Server | null = null;
  let url = config.publicUrl ?? '';
  let stopping = false;

  const spoolOfPredictions = join(config.spoolDir, 'predictions');
  const spill = await openSpill<PredictionRow>({
    folder: spoolOfPredictions,
    segmentBytes: config.log.segmentBytes,
    maxBytes: config.log.maxSpillBytes,
    orphanSeconds,
    onLost: countLost,
    onTakeOver: (orphan) => interrupted.takeOver(orphan),
  });
  const predictionError = rateLimitedLog((what, error) => log.error({ err: error }, what));
  const requests = openRequestsInProgress({
    folder: spill.folder,
    onError: (error) => predictionError('the file of requests in progress', error),
  });
  const interrupted = createInterruptedRequests({
    gateways: registry.gateways,
    folder: spill.folder,
    timeoutMs: registryTimeoutMs,
    onInterrupted({ tenant, model, requests: amount, at }) {
      log.warn(
        { tenant, model, requests: amount, at },
        'requests were in progress in a gateway that was killed',
      );
      metrics.interrupted(measuredModel(tenant, model), amount);
    },
  });
  const journal = openJournal<PredictionRow>({
    folder: spill.folder,
    segmentBytes: config.log.segmentBytes,
    orphanSeconds,
    onError(error) {
      disk.failed(error);
      predictionError('the journal of predictions', error);
    },
  });
  const disk = createDiskFailures({
    folder: spoolOfPredictions,
    isFailing: () => journal.fails() || predictions.spillFails(),
    rowsInMemory: () => journal.failedRows(),
  });
  const predictions = startPredictionLog({
    predictions: registry.predictions,
    spill,
    journal,
    limits: config.log,
    onWritten: metrics.predictionsWritten,
    onSpilled: metrics.predictionsSpilled,
    onLost: countLost,
    onState(state, error) {
      if (state === 'away')
        log.warn({ err: error }, 'predictions are written to disk until the registry accepts them');
      else log.info('the registry accepts predictions again');
    },
    onDiskError(error) {
      disk.failed(error);
      predictionError('spilling predictions to disk', error);
    },
    onError: predictionError,
  });

  const feedback = await openFeedbackLog({
    feedback: registry.feedback,
    predictions: registry.predictions,
    folder: join(config.spoolDir, 'feedback'),
    orphanSeconds,
    limits: config.feedback,
    timeoutMs: registryTimeoutMs,
    predictionsWait: () => !spill.isEmpty(),
    onRecorded: metrics.feedbackRecorded,
    onStored: metrics.feedbackStored,
    onReplayed(labels) {
      metrics.feedbackReplayed(labels);
      logReplayed(labels, log);
    },
    onState(state, error) {
      if (state === 'away')
        log.warn({ err: error }, 'feedback is written to disk until the registry accepts it');
      else log.info('the registry accepts feedback again');
    },
    onError: rateLimitedLog((what, error) => log.error({ err: error }, what)),
  });

  const loader = createModelLoader({
    artifacts,
    graphs: createSharedGraphs(),
    access,
    indexes,
    detectors,
    maxRows: config.maxRows,
    maxModelBytes: config.modelMemoryBytes,
    batchRows: config.batchRows,
    probeTimeoutMs,
    onBatch: metrics.batch,
    onLooked: metrics.looked,
  });
  const loadError = rateLimitedLog((model, error) =>
    log.error({ err: error }, `a version of ${model} could not be loaded`),
  );
  const cache = createModelCache({
    loader,
    maxBytes: config.modelMemoryBytes,
    failureMemoryMs: 3_000,
    onFailure({ tenant, model }, error) {
      metrics.loadFailed({ tenant, model });
      loadError(model, error);
    },
    onCloseError: (error) => log.error({ err: error }, 'a model could not be closed'),
  });
  const table = createRoutingTable({
    routing: registry.routing,
    cache,
    memory: {
      maxBytes: config.modelMemoryBytes,
      usedBytes: () => cache.size().bytes,
      isPinned: (model) => config.pinnedModels.some((pinned) => pinned === '*' || pinned === model),
    },
    readTimeoutMs: registryTimeoutMs,
    onEpoch(epoch) {
      log.info({ epoch }, 'serving by the routing table');
      // At once, because a rollout may wait for it.
      void lease.beat().catch((error: unknown) => leaseError('heartbeat', error));
    },
    onSwap: (route, before) =>
      log.info(
        {
          model: route.model,
          champion: route.champion.served.name,
          before: before?.champion.served.name,
        },
        'route',
      ),
    onBlocked: (model, error) =>
      log.error(
        { err: error, tenant: model.tenant },
        `${model.name} is routed here but cannot be served`,
      ),
  });
  const leaseError = rateLimitedLog((what, error) =>
    log.warn({ err: error }, `the registry is not reachable (${what})`),
  );
  const lease = createLease({
    gateways: registry.gateways,
    routing: registry.routing,
    table,
    disk,
    id,
    url: () => url,
    holdsPredictions: () => !spill.isEmpty() || predictions.spillFails(),
    leaseSeconds: config.leaseSeconds,
    pollSeconds: config.pollSeconds,
    onError: leaseError,
  });
  const keys = createKeyCache({
    apiKeys: registry.apiKeys,
    freshSeconds: config.keyCacheSeconds,
    graceSeconds: config.keyGraceSeconds,
  });
  const picker = createVersionPicker({
    table,
    routing: registry.routing,
    cache,
    timeoutMs: registryTimeoutMs,
  });
  const challengerError = rateLimitedLog((name, error) =>
    log.warn({ err: error }, `${name} failed a request; the champion answered it`),
  );
  const onChallengerFailure = (served: ServedVersion, error: unknown) => {
    metrics.challengerFailed(served);
    challengerError(served.name, error);
  };
  const shadow = createShadow({
    ...config.shadow,
    batchRows: config.batchRows,
    timeoutMs: config.requestTimeoutMs,
    onOutcome: metrics.shadowed,
  });
  const isBlocked = (tenant: string, model: string) =>
    table.blockedModel(tenant, model)?.alias === 'champion';
  const chatShadow = createChatShadow({ ...config.chat.shadow, onOutcome: metrics.shadowed });
  const answers = createOpenAnswers(config.chat.maxAnswers);
  const failures = startFailureCounts({
    gateways: registry.gateways,
    id,
    everyMs: failureReportMs,
    onError: (error) => leaseError('failed requests', error),
  });
  const chat = createChat({
    picker,
    access,
    retrieve: createRetriever({
      indexes,
      access,
      timeoutMs: config.requestTimeoutMs.usual,
      onReranked: metrics.reranked,
    }),
    shadow: chatShadow,
    limits: config.chat,
    leaseHolds: () => lease.holds(),
    isBlocked,
    log: predictions,
    onScreened: metrics.screened,
    onChallengerFailure,
    onChampionFailure: (tenant, { model, version }, inRollout) =>
      failures.add({ tenant, model, version }, 1, inRollout),
  });
  const infer = createInference({
    picker,
    shadow,
    timeoutMs: config.requestTimeoutMs,
    leaseHolds: () => lease.holds(),
    isBlocked,
    log: predictions,
    onChallengerFailure,
    onChampionFailure: (tenant, { model, version }, rows, inRollout) =>
      failures.add({ tenant, model, version }, rows, inRollout),
    onRefused: (tenant, { model, version }, refusals) =>
      failures.addRefused({ tenant, model, version }, refusals),
  });
  const admission = createAdmission({
    limits: config.admission,
    requests,
    onRefused: ({ tenant, model }, limit) => metrics.refused(measuredModel(tenant, model), limit),
  });
  metrics.observe({
    requestsInProgress: () => admission.inProgress(),
    models: () => cache.size(),
    blockedModels: () => table.blocked().length,
    epoch: () => table.epoch(),
    leaseSeconds: () => lease.remainingSeconds(),
    pendingPredictions: () => predictions.pending(),
    spilledBytes: () => spill.bytes(),
    spillFails: () => predictions.spillFails(),
    journalFails: () => predictions.journalFails(),
    feedbackBytes: () => feedback.bytes(),
    feedbackFails: () => feedback.fails(),
    shadowRows: () => shadow.waitingRows(),
    shadowChats: () => chatShadow.waiting(),
    openAnswers: () => answers.count(),
    certificateExpiry: tls?.expirySeconds,
  });

  const app = openHttpApp(config, log, tls?.createServer);
  const embeddings = createEmbeddings({
    indexes,
    nameIndex: createNameIndex({ indexes: registry.indexes, table, timeoutMs: registryTimeoutMs }),
    limits: config.embeddings,
  });
  await registerRoutes(app, {
    config,
    keys,
    metrics,
    answers,
    indexes,
    picker,
    table,
    health,
    metricsText: () => member?.metrics() ?? metrics.registry.metrics(),
    chat,
    requests,
    embeddings,
    infer,
    admission,
    feedback,
  });
  const spoolError = rateLimitedLog((what, error) => log.error({ err: error }, what));
  const tending = setInterval(
    () => {
      void tend();
    },
    (orphanSeconds / 4) * 1000,
  );

  /** Predictions go first, because labels are checked against them. */
  async function tend(): Promise<void> {
    // If one fails, the other must still show that this process is alive.
    const countFailure = (error: unknown): number => {
      spoolError('the folder of the spool', error);
      return 0;
    };
    const taken = {
      predictions: await spill.tend().catch(countFailure),
      feedback: await feedback.tend().catch(countFailure),
    };
    if (taken.predictions + taken.feedback > 0)
      log.info(taken, 'took over files that another gateway left on disk');
    try {
      requests.tend();
      // Without a table it is not known which names are models.
      if (table.isKnown()) await interrupted.report();
    } catch (error) {
      spoolError('the requests of a gateway that was killed', error);
    }
  }

  function health() {
    return {
      ready: table.isKnown() && !stopping,
      epoch: table.epoch(),
      leaseSeconds: lease.remainingSeconds(),
      blocked: table.blocked().map(({ tenant, name, error }) => ({ tenant, name, error })),
      pendingPredictions: predictions.pending(),
      spilledBytes: spill.bytes(),
      spillFails: predictions.spillFails(),
      journalFails: predictions.journalFails(),
      feedbackBytes: feedback.bytes(),
      feedbackFails: feedback.fails(),
    };
  }

  /** An unknown name would create a time series for every misspelling. */
  function measuredModel(tenant: string, model: string): MeasuredModel {
    return { tenant, model: table.isWanted(tenant, model, 'champion') ? model : '' };
  }

  function countLost(rows: number, reason: LossReason | 'full'): void {
    metrics.predictionsLost(rows, reason);
    if (reason === 'memory') disk.lost(rows);
    log.error({ rows, reason }, 'predictions were lost');
  }

  return {
    id,
    app,
    async start(signal) {
      await tend();
      // Many connections at once wait in the backlog of the system instead of being refused.
      const listen = () => app.listen({ host: config.host, port: config.port, backlog: 4096 });
      const ownUrl = `http://${reachableHost(config.host)}`;
      const speaks = { tls: tls !== null };
      if (member === undefined) {
        await listen();
        if (url === '') url = withPort(ownUrl, app.server, speaks);
        await lease.start();
      } else {
        await app.ready();
        const handle: RequestListener = (request, response) => app.routing(request, response);
        ownServer = tls?.createServer(handle) ?? createServer(handle);
        await listenAlone(ownServer, config.host);
        url = withPort(url === '' ? ownUrl : url, ownServer, speaks);
        await lease.start();
        const until = performance.now() + maxUnknownMs;
        while (!table.isKnown() && signal?.aborted !== true && performance.now() < until)
          await pause(knownEveryMs);
        if (signal?.aborted !== true) await listen();
      }
      tls?.checkName(config.tlsServerName ?? new URL(url).hostname);
      return { url };
    },
    async stop() {
      stopping = true;
      await lease.stop();
      // The listener is closed first, so that callers use another gateway while answers in progress
      // complete.
      const closed = app.close();
      ownServer?.close();
      // Close idle connections, also those whose answer was in progress: there will be no next
      // request.
      const idle = setInterval(() => {
        app.server.closeIdleConnections();
        ownServer?.closeIdleConnections();
      }, 50);
      await answers.drain(config.chat.drainMs);
      await closed;
      clearInterval(idle);
      await Promise.all([shadow.stop(), chatShadow.stop()]);
      await Promise.all([predictions.stop(), feedback.stop()]);
      await failures.stop();
      clearInterval(tending);
      requests.close();
      tls?.close();
      await spill.close();
      table.close();
      await cache.close();
    },
  };
}
