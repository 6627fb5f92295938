import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type ClientConfig } from 'pg';

export type Channel = 'perennial_events' | 'perennial_routing';
type Callback = (payload: string | null) => void;

export interface Listener {
  /**
   * Calls back with each notification's payload, and with null when the connection came back and
   * notifications may have been missed. Resolves once listening.
   */
  listen(channel: Channel, callback: Callback): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/**
 * One connection for every channel of the process, made with the first listener and made again
 * whenever it is lost.
 */
export function openListener(config: ClientConfig): Listener {
  const callbacks = new Map<Channel, Set<Callback>>();
  const closing = new AbortController();
  let client: Client | null = null;
  let connecting: Promise<Client> | null = null;
  let recovering: Promise<void> | null = null;

  async function connect(): Promise<Client> {
    const made = new Client(config);
    // The connection's end, which follows, is what is acted on.
    made.on('error', () => undefined);
    made.on('notification', ({ channel, payload }) =>
      tell(callbacks.get(channel as Channel), payload ?? ''),
    );
    made.on('end', () => {
      if (client === made) client = null;
      if (callbacks.size > 0 && !closing.signal.aborted)
        recovering ??= recover().finally(() => (recovering = null));
    });
    await made.connect();
    try {
      // Whoever it was made for has given up meanwhile.
      if (callbacks.size === 0) throw new Error('nobody listens any more');
      for (const channel of callbacks.keys()) await made.query(`listen ${channel}`);
    } catch (error) {
      // One that listens to nothing is of no use; kept, every further attempt would take another of
      // the server's connections.
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
        for (const set of callbacks.values()) tell(set, null);
        // Lost again before this loop was over: its end found this loop still at work and started
        // no other.
        if (isConnected()) return;
      } catch {
        // Still away, or closing: the loop's condition tells which.
      }
    }
  }

  function isConnected(): boolean {
    return client !== null;
  }

  return {
    async listen(channel, callback) {
      // Registered first: a notification that follows LISTEN at once must find its callback.
      const set = callbacks.get(channel) ?? new Set();
      callbacks.set(channel, set.add(callback));
      const stop = (): boolean => {
        set.delete(callback);
        return set.size === 0 && callbacks.get(channel) === set && callbacks.delete(channel);
      };
      try {
        const connected = await connection();
        // Also when the connection was made with this channel: asking twice is harmless.
        await connected.query(`listen ${channel}`);
      } catch (error) {
        stop();
        throw error;
      }
      return async () => {
        // A connection that is lost listens to nothing, which is what is asked.
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

function tell(listeners: ReadonlySet<Callback> | undefined, payload: string | null): void {
  listeners?.forEach((callback) => callback(payload));
}
