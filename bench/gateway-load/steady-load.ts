/**
 * Sends one request at a fixed rate, whatever the server does, and measures from the time at which
 * each was due. A server that stalls thus makes all later requests late.
 */
import { openHttpClient, requestBytes } from '../http-client';

export interface SteadyPlan {
  readonly origin: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent in turns. */
  readonly bodies: readonly string[];
  readonly connections: number;
  readonly perSecond: number;
  /** These requests are sent first and counted, but not timed. */
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

export interface SteadyFigures {
  /** Requests answered with 200, warm-up included. */
  readonly answered: number;
  /** Other statuses, and broken connections. */
  readonly failed: number;
  readonly p50Ms: number;
  readonly p97Ms: number;
  readonly p99Ms: number;
  /** Requests a second that were sent in the timed part. */
  readonly perSecond: number;
}

const plan = JSON.parse(process.argv[2] ?? '') as SteadyPlan;

async function main(): Promise<SteadyFigures> {
  const client = openHttpClient(plan.origin, plan.connections);
  const requests = plan.bodies.map((body) => requestBytes(plan, body));
  const latencies: number[] = [];
  const total = Math.round((plan.warmUpSeconds + plan.seconds) * plan.perSecond);
  const untimed = Math.round(plan.warmUpSeconds * plan.perSecond);
  let [sent, ended, failed, lastSentAt] = [0, 0, 0, 0];
  const startedAt = performance.now();
  await new Promise<void>((finished) => {
    const send = (): void => {
      const now = performance.now();
      for (; sent < total; sent += 1) {
        const number = sent;
        const dueAt = startedAt + (number / plan.perSecond) * 1000;
        if (dueAt > now) break;
        lastSentAt = now;
        client.ask(requests[number % requests.length] as Buffer, (status) => {
          if (status !== 200) failed += 1;
          if (number >= untimed) latencies.push(performance.now() - dueAt);
          ended += 1;
          if (ended === total) finished();
        });
      }
      if (sent < total) setTimeout(send, 1);
    };
    send();
  });
  client.close();
  latencies.sort((a, b) => a - b);
  const quantile = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? NaN;
  return {
    answered: total - failed,
    failed,
    p50Ms: quantile(0.5),
    p97Ms: quantile(0.97),
    p99Ms: quantile(0.99),
    perSecond: (total - untimed) / ((lastSentAt - startedAt) / 1000 - plan.warmUpSeconds),
  };
}

void main().then((figures) => process.stdout.write(`${JSON.stringify(figures)}\n`));
