import type { GatewayRepository } from '../../../db/serving/gateway-repository';
import type { RoutingRepository } from '../../../db/serving/routing-repository';
import type { LoadedRoutingTable } from './routing-table';
import { within } from '../../../data/within';

/**
 * While it holds, the registry knows which table this gateway serves by, and waits for it before a
 * rollout advances.
 */
export interface Lease {
  /**
   * Begins to beat and to listen; resolves after the first attempt, whether or not the registry was
   * there.
   */
  start(): Promise<void>;
  holds(): boolean;
  /** Seconds until it runs out, 0 when it has. */
  remainingSeconds(): number;
  /** Tells the registry at once what is served now. */
  beat(): Promise<void>;
  stop(): Promise<void>;
}

export interface LeaseOptions {
  readonly gateways: Pick<GatewayRepository, 'beat' | 'leave'>;
  readonly routing: Pick<RoutingRepository, 'listen'>;
  readonly table: Pick<LoadedRoutingTable, 'epoch' | 'refresh'>;
  readonly id: string;
  readonly url: () => string;
  readonly leaseSeconds: number;
  readonly pollSeconds: number;
  readonly onError: (what: string, error: unknown) => void;
}

export function createLease(options: LeaseOptions): Lease {
  const { gateways, routing, table, id, url, leaseSeconds, pollSeconds, onError } = options;
  const timeoutMs = (leaseSeconds * 1000) / 3;
  /**
   * On the monotonic clock, counted from before the beat was sent, so that it never outlasts the
   * registry's own reckoning.
   */
  let validUntil = -Infinity;
  let timer: NodeJS.Timeout | null = null;
  let stopListening: (() => Promise<void>) | null = null;
  let listening: Promise<void> | null = null;
  let running: Promise<void> | null = null;
  let beats = 0;
  let stopped = false;

  /**
   * Numbered: they go over several connections, and the registry takes none after a newer one. So
   * none has to wait for one that hangs.
   */
  async function beat(): Promise<void> {
    const sentAt = performance.now();
    const away = {
      type: 'DatabaseUnavailable',
      message: 'the registry did not accept the heartbeat',
    } as const;
    beats += 1;
    const current = await within(
      timeoutMs,
      gateways.beat({ id, url: url(), epoch: table.epoch(), leaseSeconds, beat: beats }),
      away,
    );
    validUntil = Math.max(validUntil, sentAt + leaseSeconds * 1000);
    // A beat is also a poll: this finds what a lost notification would have told.
    if (current.epoch !== table.epoch()) refresh();
  }

  function refresh(): void {
    void table.refresh().catch((error: unknown) => onError('routing table', error));
  }

  /**
   * Waits for one attempt at a time: one that answers late would otherwise leave a listener behind
   * that nobody stops.
   */
  async function listen(): Promise<void> {
    if (stopListening !== null) return;
    listening ??= beginToListen().finally(() => {
      listening = null;
    });
    await within(timeoutMs, listening, {
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
        await within(timeoutMs, gateways.leave({ id }), {
          type: 'DatabaseUnavailable',
          message: 'the registry did not accept the deregistration',
        });
      } catch (error) {
        // The lease then runs out by itself.
        onError('leaving', error);
      }
    },
  };
}
