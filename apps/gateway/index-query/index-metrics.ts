import { Counter, Histogram, type Registry } from 'prom-client';

export interface IndexMetrics {
  /**
   * `index` and `version` are empty when they do not exist, because every misspelt name would
   * create a time series.
   */
  query(labels: {
    readonly tenant: string;
    readonly index: string;
    readonly version: string;
    readonly mode: string;
    readonly status: number;
    readonly seconds: number;
  }): void;
}

export function createIndexMetrics(registry: Registry): IndexMetrics {
  const registers = [registry];
  const queries = new Counter({
    name: 'perennial_gateway_index_queries_total',
    help: 'Index queries by version and status.',
    labelNames: ['tenant', 'index', 'version', 'mode', 'status'] as const,
    registers,
  });
  const latency = new Histogram({
    name: 'perennial_gateway_index_query_duration_seconds',
    help: 'Time from the start of an index query to its response.',
    labelNames: ['tenant', 'index', 'mode'] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers,
  });
  return {
    query({ tenant, index, version, mode, status, seconds }) {
      queries.labels({ tenant, index, version, mode, status: String(status) }).inc();
      latency.labels({ tenant, index, mode }).observe(seconds);
    },
  };
}
