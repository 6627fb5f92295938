import type { AddressInfo } from 'node:net';
import { createServer } from 'node:http';
import { Registry as Metrics } from 'prom-client';
import { cacheText } from '../apps/http/cache-text';
import { collectProcessMetrics } from '../apps/process/metrics';

export interface HealthServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves `/livez`, `/readyz` and `/metrics` for a process without another HTTP server. */
export async function openHealthServer(
  bind: string,
  port: number,
  ready: () => boolean,
  metrics = new Metrics(),
): Promise<HealthServer> {
  collectProcessMetrics(metrics);
  const metricsText = cacheText({ perSecond: 10 }, () => metrics.metrics());
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
    void metricsText().then((text) => {
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
