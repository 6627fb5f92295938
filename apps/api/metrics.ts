import type { FastifyInstance } from 'fastify';
import { Gauge, Histogram, Registry } from 'prom-client';
import { collectProcessMetrics } from '../process/metrics';
import type { EventStreams } from './events/events';

export interface ApiMetrics {
  readonly registry: Registry;
}

/** `perennial_api_…`, by route and status. Paths with ids share one series. */
export function measureApi(app: FastifyInstance, streams: Pick<EventStreams, 'open'>): ApiMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectProcessMetrics(registry);
  const latency = new Histogram({
    name: 'perennial_api_request_duration_seconds',
    help: 'Time from a request to the end of its response, without event streams.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers,
  });
  new Gauge({
    name: 'perennial_api_event_streams',
    help: 'Open event streams.',
    registers,
    collect() {
      this.set(streams.open());
    },
  });
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none';
    if (!route.endsWith('/events'))
      latency.observe(
        { method: request.method, route, status: reply.statusCode },
        reply.elapsedTime / 1000,
      );
    done();
  });
  return { registry };
}
