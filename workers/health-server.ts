import type { AddressInfo } from 'node:net';
import { createServer } from 'node:http';
import { Registry as Metrics } from 'prom-client';
import { readBearer, isMetricsToken, metricsTokenHint } from '../apps/http/metrics/metrics-token';
import { openVisibleMetrics } from '../apps/http/metrics/visible-metrics';
import { collectProcessMetrics } from '../apps/process/metrics';

export interface HealthServer {
  readonly url: string;
  close(): Promise<void>;
}

export interface HealthServerOptions {
  readonly bind: string;
  readonly port: number;
  readonly ready: () => boolean;
  readonly metrics?: Metrics;
  /** With it, a scraper sees the series of all tenants; without it, only those of no tenant. */
  readonly metricsToken: string | null;
}

/** Serves `/livez`, `/readyz` and `/metrics` for a process without another HTTP server. */
export async function openHealthServer({
  bind,
  port,
  ready,
  metrics = new Metrics(),
  metricsToken,
}: HealthServerOptions): Promise<HealthServer> {
  collectProcessMetrics(metrics);
  const textFor = openVisibleMetrics(() => metrics.metrics());
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    if (path === '/livez') return void response.end('{"status":"alive"}');
    if (path === '/readyz') {
      response.statusCode = ready() ? 200 : 503;
      return void response.end(`{"status":"${ready() ? 'ready' : 'not ready'}"}`);
    }
    if (path !== '/metrics') {
      response.statusCode = 404;
      return void response.end();
    }
    const credential = readBearer(request.headers.authorization);
    if (credential !== null && !isMetricsToken(credential, metricsToken)) {
      response.statusCode = 401;
      return void response.end(`this is not the token for metrics; ${metricsTokenHint}\n`);
    }
    void textFor({ kind: credential === null ? 'everyone' : 'platform' }).then((text) => {
      response.setHeader('content-type', metrics.contentType);
      response.end(text);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, bind, resolve);
  });
  const { port: taken } = server.address() as AddressInfo;
  return {
    url: `http://${bind}:${taken}`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
