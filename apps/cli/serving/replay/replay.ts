/**
 * Lives a piece of the past again at a set speed: requests when they came, labels when they were
 * known. It speaks to the gateway alone, as any caller.
 */
import type { ReplayGateway } from './gateway';
import type { ReplayLabel, ReplayRow } from './rows';

export interface ReplayOptions {
  readonly batches: AsyncIterable<readonly ReplayRow[]>;
  readonly gateway: ReplayGateway;
  /** Milliseconds, event time: what the clock shows when the replay begins. */
  readonly from: number;
  /** Event seconds a wall second; `Infinity` waits for nobody. */
  readonly speed: number;
  readonly labelDelayMs: number;
  /** Requests under way at once. */
  readonly parallel: number;
  /** Requests end; labels of what was asked before are still sent as far as the clock has come. */
  readonly signal: AbortSignal;
  readonly onProgress: (state: ReplayState) => void;
}

export interface ReplayState {
  /** Event time that the replay has reached, milliseconds. */
  readonly at: number;
  readonly requests: number;
  /** Requests that were not answered with a score. */
  readonly failed: number;
  readonly labels: number;
  readonly answeredBy: Readonly<Record<string, number>>;
  /** How far behind its clock the replay is, wall milliseconds. */
  readonly lagMs: number;
}

export interface ReplayEnd extends ReplayState {
  readonly seconds: number;
  /** Milliseconds of answered requests. */
  readonly latency: { readonly p50: number; readonly p97: number };
  /** The first of the requests that failed, in its own words. */
  readonly firstFailure: string | null;
}

interface OpenLabel {
  readonly due: number;
  readonly predictionId: string;
  readonly label: ReplayLabel;
}

const labelsAtOnce = 500;
const labelsEveryMs = 100;
const progressEveryMs = 1_000;

export async function replay(options: ReplayOptions): Promise<ReplayEnd> {
  const { gateway, labelDelayMs, parallel, signal, onProgress } = options;
  const startedAt = performance.now();
  const clock = replayClock(options, startedAt);
  const open = labelQueue();
  const answeredBy: Record<string, number> = {};
  const latencies: number[] = [];
  const counts = { requests: 0, failed: 0, labels: 0 };
  let firstFailure: string | null = null;

  const state = (): ReplayState => ({
    at: clock.now(),
    lagMs: clock.lagMs(),
    ...counts,
    answeredBy: { ...answeredBy },
  });

  async function ask(row: ReplayRow): Promise<void> {
    const sentAt = performance.now();
    try {
      const { predictionId, version } = await gateway.infer(row);
      latencies.push(performance.now() - sentAt);
      answeredBy[version] = (answeredBy[version] ?? 0) + 1;
      if (row.label !== null)
        open.add({ due: row.at + labelDelayMs, predictionId, label: row.label });
    } catch (error) {
      counts.failed += 1;
      firstFailure ??= error instanceof Error ? error.message : String(error);
    }
  }

  async function sendRipe(): Promise<void> {
    for (
      let batch = open.ripe(clock.now(), labelsAtOnce);
      batch.length > 0;
      batch = open.ripe(clock.now(), labelsAtOnce)
    ) {
      await gateway.feedback(
        batch.map(({ predictionId, label, due }) => ({
          predictionId,
          label,
          labelledAt: new Date(due).toISOString(),
        })),
      );
      counts.labels += batch.length;
    }
  }

  async function sendRequests(): Promise<void> {
    const underWay = new Set<Promise<void>>();
    for await (const batch of options.batches) {
      for (const row of batch) {
        if (signal.aborted) break;
        await clock.reach(row.at);
        while (underWay.size >= parallel) await Promise.race(underWay);
        counts.requests += 1;
        const asked: Promise<void> = ask(row).finally(() => underWay.delete(asked));
        underWay.add(asked);
      }
      if (signal.aborted) break;
    }
    await Promise.all(underWay);
  }

  /**
   * Beside the requests while they go on, and after them for as long as the clock needs to reach
   * the last label.
   */
  async function sendLabels(requests: Promise<void>): Promise<void> {
    let asking = true;
    void requests.then(
      () => (asking = false),
      () => (asking = false),
    );
    while (asking) {
      await sendRipe();
      await pause(labelsEveryMs, signal);
      if (signal.aborted) await requests;
    }
    for (let due = open.lastDue(); due !== null && !signal.aborted; due = open.lastDue()) {
      await clock.reach(Math.min(due, clock.now() + clock.eventMs(labelsEveryMs)));
      await sendRipe();
    }
    await sendRipe();
  }

  const telling = setInterval(() => onProgress(state()), progressEveryMs);
  try {
    const requests = sendRequests();
    await Promise.all([requests, sendLabels(requests)]);
  } finally {
    clearInterval(telling);
  }
  const sorted = Float64Array.from(latencies).sort();
  const quantile = (q: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
  return {
    ...state(),
    seconds: (performance.now() - startedAt) / 1000,
    latency: { p50: quantile(0.5), p97: quantile(0.97) },
    firstFailure,
  };
}

/**
 * Event time as the replay has it. It goes by the wall at its speed, and never beyond what is asked
 * for: when requests lag, the past waits for them.
 */
function replayClock({ from, speed, signal }: ReplayOptions, startedAt: number) {
  let awaited = from;
  let lag = 0;
  return {
    now: (): number =>
      speed === Infinity
        ? awaited
        : Math.min(awaited, from + (performance.now() - startedAt) * speed),
    lagMs: (): number => lag,
    /** How much event time passes in so much wall time, milliseconds. */
    eventMs: (wallMs: number): number => wallMs * speed,
    async reach(at: number): Promise<void> {
      awaited = Math.max(awaited, at);
      const early = startedAt + (at - from) / speed - performance.now();
      if (early > 1) await pause(early, signal);
      lag = Math.max(0, -early);
    },
  };
}

/**
 * Answers come nearly in order of event time, and so do their labels; one that is a little late
 * waits for its neighbours.
 */
function labelQueue() {
  let waiting: OpenLabel[] = [];
  let head = 0;
  return {
    add: (label: OpenLabel): void => void waiting.push(label),
    lastDue: (): number | null => (head < waiting.length ? (waiting.at(-1)?.due ?? null) : null),
    ripe(now: number, most: number): readonly OpenLabel[] {
      const from = head;
      while (head - from < most && (waiting[head]?.due ?? Infinity) <= now) head += 1;
      const batch = waiting.slice(from, head);
      if (head > 10_000) {
        waiting = waiting.slice(head);
        head = 0;
      }
      return batch;
    },
  };
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener('abort', end, { once: true });
  });
}
