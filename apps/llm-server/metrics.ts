import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { collectProcessMetrics } from '../process/metrics';

export interface LlmServerMetrics {
  readonly registry: Registry;
  request(labels: {
    readonly route: string;
    readonly status: number;
    readonly seconds: number;
  }): void;
  answer(tokens: {
    readonly prompt: number;
    readonly cached: number;
    readonly completion: number;
    readonly firstTokenMs: number | null;
  }): void;
  cancelled(): void;
}

export interface LlmServerState {
  readonly waiting: number;
  readonly writing: number;
  readonly adapters: number;
  readonly ready: boolean;
}

export function createLlmServerMetrics(state: () => LlmServerState): LlmServerMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectProcessMetrics(registry);
  const requests = new Histogram({
    name: 'perennial_llm_server_request_duration_seconds',
    help: 'Time from the start of a request to the end of its response.',
    labelNames: ['route', 'status'] as const,
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120],
    registers,
  });
  const firstToken = new Histogram({
    name: 'perennial_llm_server_first_token_seconds',
    help: 'Time from a free sequence to the first token.',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers,
  });
  const tokens = new Counter({
    name: 'perennial_llm_server_tokens_total',
    help: 'Tokens by kind; cached tokens are part of the prompt and were not computed again.',
    labelNames: ['kind'] as const,
    registers,
  });
  const cancelled = new Counter({
    name: 'perennial_llm_server_cancelled_total',
    help: 'Answers whose client closed the connection.',
    registers,
  });
  for (const [name, help] of [
    ['waiting', 'Requests that wait for a sequence.'],
    ['writing', 'Answers in progress.'],
    ['adapters', 'Adapters in memory.'],
    ['ready', '1 when the model is loaded.'],
  ] as const) {
    new Gauge({
      name: `perennial_llm_server_${name}`,
      help,
      registers,
      collect() {
        this.set(Number(state()[name]));
      },
    });
  }
  return {
    registry,
    request: ({ route, status, seconds }) =>
      requests.observe({ route, status: String(status) }, seconds),
    answer({ prompt, cached, completion, firstTokenMs }) {
      tokens.inc({ kind: 'prompt' }, prompt);
      tokens.inc({ kind: 'cached' }, cached);
      tokens.inc({ kind: 'completion' }, completion);
      if (firstTokenMs !== null) firstToken.observe(firstTokenMs / 1000);
    },
    cancelled: () => cancelled.inc(),
  };
}
