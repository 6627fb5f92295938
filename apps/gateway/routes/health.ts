import type { FastifyInstance } from 'fastify';
import { openVisibleMetrics, type MetricsReader } from '../../http/metrics/visible-metrics';
import { gatewayDocument } from '../openapi';
import type { GatewayMetrics } from '../metrics';
import {
  identifyProbe,
  identifyReader,
  findReader,
  type MetricsReaderOptions,
} from '../metrics-reader';
import type { BlockedModel } from '../routing/routing-table';

type BlockedName = Pick<BlockedModel, 'tenant' | 'name' | 'error'>;

export interface GatewayHealth {
  readonly ready: boolean;
  readonly epoch: number;
  readonly leaseSeconds: number;
  /** Versions that the registry wants and that are not served here, with the reason. */
  readonly blocked: readonly BlockedName[];
  readonly pendingPredictions: number;
  readonly spilledBytes: number;
  /** Whether predictions wait in memory because neither the registry nor the disk accepts them. */
  readonly spillFails: boolean;
  /** Whether a kill would lose predictions, because their journal cannot be written. */
  readonly journalFails: boolean;
  /** The size of the feedback on disk that waits for the registry. */
  readonly feedbackBytes: number;
  /** Whether feedback got 503 within the last minute, and none was accepted since. */
  readonly feedbackFails: boolean;
}

export interface HealthRouteDeps extends MetricsReaderOptions {
  readonly health: () => GatewayHealth;
  /** The metrics of every process behind this address. */
  readonly metricsText: () => Promise<string>;
  readonly metrics: GatewayMetrics;
}

/** Without a key, because probes have none. Names of tenants and models need a credential. */
export function healthRoutes(
  app: FastifyInstance,
  { health, metrics, metricsText, ...readers }: HealthRouteDeps,
): void {
  const document = JSON.stringify(gatewayDocument());
  const text = openVisibleMetrics(metricsText);
  app.get('/openapi.json', (_request, reply) =>
    reply.header('content-type', 'application/json; charset=utf-8').send(document),
  );
  app.get('/livez', () => ({ status: 'alive' }));
  app.get('/readyz', { onRequest: identifyProbe(readers) }, (request, reply) => {
    const { ready, blocked, ...detail } = health();
    return reply.status(ready ? 200 : 503).send({
      status: ready ? 'ready' : 'not ready',
      blockedModels: blocked.length,
      ...visibleBlocked(blocked, findReader(request)),
      ...detail,
    });
  });
  app.get('/v2/health/live', () => ({ live: true }));
  app.get('/v2/health/ready', (_request, reply) => {
    const { ready } = health();
    return reply.status(ready ? 200 : 503).send({ ready });
  });
  app.get('/metrics', { onRequest: identifyReader(readers) }, async (request, reply) =>
    reply
      .header('content-type', metrics.registry.contentType)
      .send(await text(findReader(request))),
  );
}

function visibleBlocked(
  blocked: readonly BlockedName[],
  reader: MetricsReader,
): { readonly blocked?: readonly BlockedName[] } {
  if (reader.kind === 'everyone') return {};
  if (reader.kind === 'platform') return { blocked };
  return { blocked: blocked.filter(({ tenant }) => tenant === reader.tenant) };
}
