/**
 * Repeats one request from a fixed number of connections for a bounded time. It is a separate
 * process, so that it does not share an event loop with the server.
 */
import { openHttpClient, requestBytes, type HttpClient } from './http-client';

export interface LoadPlan {
  readonly origin: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly connections: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

export interface LoadFigures {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p97Ms: number;
  /** Responses with another status than 200, and broken connections. */
  readonly failures: number;
}

async function main(plan: LoadPlan): Promise<LoadFigures> {
  const client = openHttpClient(plan.origin, plan.connections);
  await ask(client, plan, plan.warmUpSeconds);
  const figures = await ask(client, plan, plan.seconds);
  client.close();
  return figures;
}

async function ask(client: HttpClient, plan: LoadPlan, seconds: number): Promise<LoadFigures> {
  const request = requestBytes(plan, plan.body);
  const latencies: number[] = [];
  let failures = 0;
  const started = performance.now();
  const until = started + seconds * 1000;
  const asker = async (): Promise<void> => {
    while (performance.now() < until) {
      const sent = performance.now();
      const status = await new Promise<number>((answered) => client.ask(request, answered));
      latencies.push(performance.now() - sent);
      if (status !== 200) failures += 1;
    }
  };
  await Promise.all(Array.from({ length: plan.connections }, asker));
  const elapsed = (performance.now() - started) / 1000;
  latencies.sort((a, b) => a - b);
  const quantile = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? NaN;
  return {
    requests: latencies.length,
    requestsPerSecond: latencies.length / elapsed,
    p50Ms: quantile(0.5),
    p97Ms: quantile(0.97),
    failures,
  };
}

main(JSON.parse(process.argv[2] ?? '') as LoadPlan).then(
  (figures) => process.stdout.write(`${JSON.stringify(figures)}\n`),
  (error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exitCode = 1;
  },
);
