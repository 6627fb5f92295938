/**
 * Replays a part of the past at a set speed: requests at their times, and labels once they were
 * known. It uses only the gateway, like any caller.
 */
import type { ReplayGateway } from './gateway';
import type { ReplayLabel, ReplayRow } from './rows';

export interface ReplayOptions {
  readonly batches: AsyncIterable<readonly ReplayRow[]>;
  readonly gateway: ReplayGateway;
  /** Event time in milliseconds at the start of the replay. */
  readonly from: number;
  /** Seconds of event time per second of wall-clock time; `Infinity` does not wait. */
  readonly speed: number;
  readonly labelDelayMs: number;
  /** The number of concurrent requests. */
  readonly parallel: number;
  /** Requests stop. Labels of earlier requests are still sent up to the reached event time. */
  readonly signal: AbortSignal;
  readonly onProgress: (state: ReplayState) => void;
  /** Awaited before each batch. The clock of the replay stands still meanwhile. */
  readonly beforeBatch?: () => Promise<void>;
}

export interface ReplayState {
  /** The event time that the replay has reached, in milliseconds. */
  readonly at: number;
  readonly requests: number;
  /** Requests that were not answered with a score. */
  readonly failed: number;
  readonly labels: number;
  readonly answeredBy: Readonly<Record<string, number>>;
  /** How far the replay is behind its clock, in milliseconds of wall-clock time. */
  readonly lagMs: number;
}

export interface ReplayEnd extends ReplayState {
  readonly seconds: number;
  /** Latencies of answered requests in milliseconds. */
  readonly latency: { readonly p50: number; readonly p97: number };
  /** The error of the first failed request. */
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
      let batch = open.takeDue(clock.now(), labelsAtOnce);
      batch.length > 0;
      batch = open.takeDue(clock.now(), labelsAtOnce)
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
      if (options.beforeBatch !== undefined) await clock.standStill(options.beforeBatch);
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
   * During the requests, and after them until the clock has reached the last label.
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
 * The event time of the replay. It advances with the wall clock at the speed, but never beyond the
 * requests sent, so it waits for delayed requests.
 */
function replayClock({ from, speed, signal }: ReplayOptions, startedAt: number) {
  let awaited = from;
  let lag = 0;
  let stoodStillMs = 0;
  const elapsedMs = (): number => performance.now() - startedAt - stoodStillMs;
  return {
    // While it stands still, no later request is awaited.
    now: (): number =>
      speed === Infinity ? awaited : Math.min(awaited, from + elapsedMs() * speed),
    lagMs: (): number => lag,
    /** The event time that passes in this wall-clock time, in milliseconds. */
    eventMs: (wallMs: number): number => wallMs * speed,
    async reach(at: number): Promise<void> {
      awaited = Math.max(awaited, at);
      const early = (at - from) / speed - elapsedMs();
      if (early > 1) await pause(early, signal);
      lag = Math.max(0, -early);
    },
    async standStill(work: () => Promise<void>): Promise<void> {
      const since = performance.now();
      await work();
      stoodStillMs += performance.now() - since;
    },
  };
}

/**
 * Labels in the order in which they are due. Answers arrive nearly in that order, so a label is
 * inserted near the end.
 */
function labelQueue() {
  let waiting: OpenLabel[] = [];
  let head = 0;
  return {
    add(label: OpenLabel): void {
      let at = waiting.length;
      while (at > head && (waiting[at - 1]?.due ?? 0) > label.due) at -= 1;
      waiting.splice(at, 0, label);
    },
    lastDue: (): number | null => (head < waiting.length ? (waiting.at(-1)?.due ?? null) : null),
    takeDue(now: number, max: number): readonly OpenLabel[] {
      const from = head;
      while (head - from < max && (waiting[head]?.due ?? Infinity) <= now) head += 1;
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
