import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type ClientConfig } from 'pg';

export type Channel = 'perennial_events' | 'perennial_routing';
type Callback = (payload: string | null) => void;

export interface Listener {
  /**
   * Calls back with the payload of each notification. Calls back with null after a reconnect,
   * because notifications may have been missed. Resolves once listening.
   */
  listen(channel: Channel, callback: Callback): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/**
 * One connection for all channels of the process. It opens with the first listener and reconnects
 * when it is lost.
 */
export function openListener(config: ClientConfig): Listener {
  const callbacks = new Map<Channel, Set<Callback>>();
  const closing = new AbortController();
  let client: Client | null = null;
  let connecting: Promise<Client> | null = null;
  let recovering: Promise<void> | null = null;

  async function connect(): Promise<Client> {
    const made = new Client(config);
    // The `end` event follows and is handled below.
    made.on('error', () => undefined);
    made.on('notification', ({ channel, payload }) =>
      notifyListeners(callbacks.get(channel as Channel), payload ?? ''),
    );
    made.on('end', () => {
      if (client === made) client = null;
      if (callbacks.size > 0 && !closing.signal.aborted)
        recovering ??= recover().finally(() => (recovering = null));
    });
    await made.connect();
    try {
      // All listeners may have stopped while it connected.
      if (callbacks.size === 0) throw new Error('all listeners have stopped');
      for (const channel of callbacks.keys()) await made.query(`listen ${channel}`);
    } catch (error) {
      // A connection without LISTEN is useless, and every retry would open another one.
      await made.end().catch(() => undefined);
      throw error;
    }
    client = made;
    return made;
  }

  async function connection(): Promise<Client> {
    return client ?? (connecting ??= connect().finally(() => (connecting = null)));
  }

  async function recover(): Promise<void> {
    for (
      let waitMs = 50;
      !closing.signal.aborted && callbacks.size > 0;
      waitMs = Math.min(waitMs * 2, 1000)
    ) {
      try {
        await sleep(waitMs, undefined, { signal: closing.signal, ref: false });
        await connection();
        for (const set of callbacks.values()) notifyListeners(set, null);
        // If the connection was lost again meanwhile, its `end` event started no second recovery.
        if (isConnected()) return;
      } catch {
        // The loop condition ends the retries on close.
      }
    }
  }

  function isConnected(): boolean {
    return client !== null;
  }

  return {
    async listen(channel, callback) {
      // Register first, because a notification may follow LISTEN immediately.
      const set = callbacks.get(channel) ?? new Set();
      callbacks.set(channel, set.add(callback));
      const stop = (): boolean => {
        set.delete(callback);
        return set.size === 0 && callbacks.get(channel) === set && callbacks.delete(channel);
      };
      try {
        const connected = await connection();
        // A new connection listens to this channel already; a second LISTEN is harmless.
        await connected.query(`listen ${channel}`);
      } catch (error) {
        stop();
        throw error;
      }
      return async () => {
        // A lost connection listens to nothing, so an error here is harmless.
        if (stop()) await client?.query(`unlisten ${channel}`).catch(() => undefined);
      };
    },
    async close() {
      closing.abort();
      callbacks.clear();
      await recovering;
      await connecting?.catch(() => undefined);
      await client?.end();
    },
  };
}

function notifyListeners(
  listeners: ReadonlySet<Callback> | undefined,
  payload: string | null,
): void {
  listeners?.forEach((callback) => callback(payload));
}
