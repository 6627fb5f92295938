import { Counter, Histogram, type Registry } from 'prom-client';

export interface EmbeddingsMetrics {
  /**
   * `index` and `version` are empty when they do not exist, because every misspelt name would
   * create a time series.
   */
  request(labels: {
    readonly tenant: string;
    readonly index: string;
    readonly version: string;
    readonly tokens: number;
    readonly status: number;
    readonly seconds: number;
  }): void;
}

export function createEmbeddingsMetrics(registry: Registry): EmbeddingsMetrics {
  const registers = [registry];
  const requests = new Counter({
    name: 'perennial_gateway_embeddings_requests_total',
    help: 'Embedding requests by index version and status.',
    labelNames: ['tenant', 'index', 'version', 'status'] as const,
    registers,
  });
  const tokens = new Counter({
    name: 'perennial_gateway_embeddings_tokens_total',
    help: 'Tokens of embedded texts.',
    labelNames: ['tenant', 'index', 'version'] as const,
    registers,
  });
  const latency = new Histogram({
    name: 'perennial_gateway_embeddings_duration_seconds',
    help: 'Time from the start of an embedding request to its response.',
    labelNames: ['tenant', 'index'] as const,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30, 60],
    registers,
  });
  return {
    request({ tenant, index, version, tokens: embedded, status, seconds }) {
      requests.labels({ tenant, index, version, status: String(status) }).inc();
      latency.labels({ tenant, index }).observe(seconds);
      if (embedded > 0) tokens.labels({ tenant, index, version }).inc(embedded);
    },
  };
}
