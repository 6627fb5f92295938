import type { GatewayRepository } from '../../../db/serving/gateway-repository';
import type { RoutingRepository } from '../../../db/serving/routing-repository';
import type { DiskFailures } from '../prediction-log/disk-failures';
import type { LoadedRoutingTable } from './routing-table';
import { withTimeout } from '../../../data/timeout';

/**
 * While the lease is valid, the registry knows the table of this gateway and waits for it before a
 * rollout advances.
 */
export interface Lease {
  /**
   * Start the heartbeat and the listener. Resolves after the first attempt, even without the
   * registry.
   */
  start(): Promise<void>;
  holds(): boolean;
  /** Seconds until the lease expires; 0 when it has. */
  remainingSeconds(): number;
  /** Report at once which table is served. */
  beat(): Promise<void>;
  stop(): Promise<void>;
}

export interface LeaseOptions {
  readonly gateways: Pick<GatewayRepository, 'beat' | 'leave'>;
  readonly routing: Pick<RoutingRepository, 'listen'>;
  readonly table: Pick<LoadedRoutingTable, 'blocked' | 'epoch' | 'refresh'>;
  readonly disk: Pick<DiskFailures, 'current' | 'reported'>;
  readonly id: string;
  readonly url: () => string;
  /** Whether predictions wait on the disk of this process, or in its memory because that is full. */
  readonly holdsPredictions: () => boolean;
  readonly leaseSeconds: number;
  readonly pollSeconds: number;
  readonly onError: (what: string, error: unknown) => void;
}

export function createLease(options: LeaseOptions): Lease {
  const {
    gateways,
    routing,
    table,
    disk,
    id,
    url,
    holdsPredictions,
    leaseSeconds,
    pollSeconds,
    onError,
  } = options;
  const timeoutMs = (leaseSeconds * 1000) / 3;
  /**
   * Measured on the monotonic clock from before the heartbeat was sent, so that it expires no later
   * than in the registry.
   */
  let validUntil = -Infinity;
  let timer: NodeJS.Timeout | null = null;
  let stopListening: (() => Promise<void>) | null = null;
  let listening: Promise<void> | null = null;
  let running: Promise<void> | null = null;
  let beats = 0;
  let stopped = false;

  /**
   * Heartbeats are numbered, because they use several connections and the registry ignores one that
   * arrives after a newer one. Thus none waits for one that hangs.
   */
  async function beat(): Promise<void> {
    const sentAt = performance.now();
    const away = {
      type: 'DatabaseUnavailable',
      message: 'the registry did not accept the heartbeat',
    } as const;
    beats += 1;
    const diskFailure = disk.current();
    const current = await withTimeout(
      timeoutMs,
      gateways.beat({
        id,
        url: url(),
        epoch: table.epoch(),
        blocked: table.blocked().filter(({ isOutage }) => !isOutage),
        diskFailure,
        holdsPredictions: holdsPredictions(),
        clockMs: Date.now(),
        leaseSeconds,
        beat: beats,
      }),
      away,
    );
    if (diskFailure !== null) disk.reported();
    validUntil = Math.max(validUntil, sentAt + leaseSeconds * 1000);
    // Each heartbeat also reads the table, in case a notification was lost.
    if (current.epoch !== table.epoch()) refresh();
  }

  function refresh(): void {
    void table.refresh().catch((error: unknown) => onError('routing table', error));
  }

  /** One attempt at a time, because a late one would leave a listener that is never stopped. */
  async function listen(): Promise<void> {
    if (stopListening !== null) return;
    listening ??= beginToListen().finally(() => {
      listening = null;
    });
    await withTimeout(timeoutMs, listening, {
      type: 'DatabaseUnavailable',
      message: 'cannot listen for routing changes',
    });
  }

  async function beginToListen(): Promise<void> {
    const stop = await routing.listen(refresh);
    if (stopped) await stop();
    else stopListening = stop;
  }

  async function round(): Promise<void> {
    for (const [what, step] of [
      ['notifications', listen],
      ['heartbeat', beat],
    ] as const) {
      try {
        await step();
      } catch (error) {
        onError(what, error);
      }
    }
  }

  function schedule(): void {
    if (stopped) return;
    timer = setTimeout(() => {
      running = round().finally(schedule);
    }, pollSeconds * 1000);
  }

  return {
    async start() {
      await round();
      await table.refresh().catch((error: unknown) => onError('routing table', error));
      schedule();
    },
    beat,
    holds: () => performance.now() < validUntil,
    remainingSeconds: () => Math.max(0, (validUntil - performance.now()) / 1000),
    async stop() {
      stopped = true;
      if (timer !== null) clearTimeout(timer);
      await running;
      try {
        await stopListening?.();
        await withTimeout(timeoutMs, gateways.leave({ id }), {
          type: 'DatabaseUnavailable',
          message: 'the registry did not accept the deregistration',
        });
      } catch (error) {
        // The lease then expires by itself.
        onError('leaving', error);
      }
    },
  };
}
