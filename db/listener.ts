import { setTimeout as sleep } from 'node:timers/promises';
import type { Sql } from './connection';

export type Channel = 'perennial_events' | 'perennial_routing';

export interface Listener {
  /** Calls back with each notification's payload, and with null when the connection came back and notifications may have been missed. Resolves once listening. */
  listen(channel: Channel, callback: (payload: string | null) => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

interface Hooks {
  readonly onnotify: (channel: string, payload: string) => void;
  readonly onclose: () => void;
}

/**
 * One connection for every channel of the process. postgres.js's own `listen` gives up silently when the server is still away at its first
 * attempt to listen again, so this keeps trying.
 */
export function openListener(connect: (hooks: Hooks) => Sql): Listener {
  const callbacks = new Map<Channel, Set<(payload: string | null) => void>>();
  const stop = new AbortController();
  let sql: Sql | null = null;
  let reconnecting: Promise<void> | null = null;
  let lost = false;

  function connection(): Sql {
    sql ??= connect({
      onnotify: (channel, payload) => callbacks.get(channel as Channel)?.forEach((callback) => callback(payload)),
      onclose: () => {
        lost = true;
        if (!stop.signal.aborted && callbacks.size > 0) reconnecting ??= listenAgain().finally(() => (reconnecting = null));
      },
    });
    return sql;
  }

  async function listenAgain(): Promise<void> {
    for (let waitMs = 50; !stop.signal.aborted; waitMs = Math.min(waitMs * 2, 1000)) {
      try {
        await sleep(waitMs, undefined, { signal: stop.signal, ref: false });
        lost = false;
        for (const channel of callbacks.keys()) await connection().unsafe(`listen ${channel}`);
        // Lost again while the later channels were asked for: a flag, because this loop itself keeps `onclose` from starting another.
        if (isLost()) continue;
        for (const set of callbacks.values()) set.forEach((callback) => callback(null));
        return;
      } catch {
        // Still away, or closing: the loop's condition tells which.
      }
    }
  }

  function isLost(): boolean {
    return lost;
  }

  return {
    async listen(channel, callback) {
      const known = callbacks.get(channel);
      // Registered first: a notification that follows LISTEN at once must find its callback.
      const set = known ?? new Set();
      set.add(callback);
      callbacks.set(channel, set);
      try {
        // Also when the channel is known: it may be in the middle of a reconnection, and LISTEN twice is harmless.
        await connection().unsafe(`listen ${channel}`);
      } catch (error) {
        set.delete(callback);
        if (set.size === 0) callbacks.delete(channel);
        throw error;
      }
      return async () => {
        set.delete(callback);
        if (set.size > 0 || callbacks.get(channel) !== set) return;
        callbacks.delete(channel);
        // A connection that is down listens to nothing, which is what was asked.
        if (!stop.signal.aborted && reconnecting === null)
          await connection()
            .unsafe(`unlisten ${channel}`)
            .catch(() => undefined);
      };
    },
    async close() {
      stop.abort();
      await reconnecting;
      await sql?.end({ timeout: 2 });
    },
  };
}
