import { setTimeout as sleep } from 'node:timers/promises';
import { explainEnd } from './embedded/explain';
import type { RunningServer } from './embedded/server-process';
import { trimLog } from './log-file';

/** A process of the platform. Higher tiers use lower ones, so they end first. */
export interface SupervisedProcess {
  readonly name: string;
  readonly tier: number;
  readonly start: (signal: AbortSignal) => Promise<RunningServer>;
  /** Whether its `/livez` answers. It must settle within some seconds. */
  readonly isAlive?: () => Promise<boolean>;
}

export interface Supervisor {
  /** Starts the part and restarts it whenever it ends. Rejects when the first start fails. */
  run(part: SupervisedProcess): Promise<RunningServer>;
  processes(): readonly { readonly name: string; readonly pid: number }[];
  /** Ends all parts by tier, including those that are starting. */
  stop(): Promise<void>;
}

export interface SupervisorOptions {
  readonly say: (line: string) => void;
  /** Seconds before the nth restart in a row; a fake in tests. */
  readonly backoffSeconds?: (attempt: number) => number;
  readonly liveness?: Liveness;
}

/** A process that misses `maxMisses` checks in a row is ended, and so restarted. */
export interface Liveness {
  readonly everySeconds: number;
  readonly maxMisses: number;
}

/** With the five seconds that a check may take, a process is ended after a minute of silence. */
const defaultLiveness: Liveness = { everySeconds: 5, maxMisses: 6 };

interface Kept {
  readonly part: SupervisedProcess;
  server: RunningServer | null;
  /** Settles when the part is no longer restarted. */
  over: Promise<void>;
}

const healthySeconds = 60;

export function openSupervisor({
  say,
  backoffSeconds = doubling,
  liveness = defaultLiveness,
}: SupervisorOptions): Supervisor {
  const kept: Kept[] = [];
  const stopping = new AbortController();
  const isStopping = (): boolean => stopping.signal.aborted;
  const trimming = setInterval(
    () => kept.forEach(({ server }) => server !== null && trimLog(server.logFile)),
    60_000,
  );
  trimming.unref();

  async function run(part: SupervisedProcess): Promise<RunningServer> {
    const entry: Kept = { part, server: null, over: Promise.resolve() };
    kept.push(entry);
    const first = part.start(stopping.signal);
    entry.over = first.then(
      (server) => keep(entry, server),
      () => undefined,
    );
    return first;
  }

  async function keep(entry: Kept, first: RunningServer): Promise<void> {
    let server: RunningServer | null = first;
    for (let attempt = 0; server !== null;) {
      if (isStopping()) return server.stop();
      const since = Date.now();
      entry.server = server;
      const watching = new AbortController();
      void watchLiveness(entry.part, server, watching.signal);
      const exit = await server.exited;
      watching.abort();
      entry.server = null;
      if (isStopping()) return;
      if (Date.now() - since > healthySeconds * 1000) attempt = 0;
      say(`${entry.part.name} ended: ${explainEnd(exit, server.logFile).reason}`);
      server = await startAgain(entry.part, () => backoffSeconds(attempt++));
    }
  }

  /** Missed checks are counted, not time, because a suspended machine makes no checks. */
  async function watchLiveness(
    { name, isAlive }: SupervisedProcess,
    server: RunningServer,
    ended: AbortSignal,
  ): Promise<void> {
    if (isAlive === undefined) return;
    const { everySeconds, maxMisses } = liveness;
    const signal = AbortSignal.any([ended, stopping.signal]);
    let misses = 0;
    while (misses < maxMisses) {
      await pauseUnlessAborted(everySeconds, signal);
      if (signal.aborted) return;
      misses = (await isAlive().catch(() => false)) ? 0 : misses + 1;
    }
    if (signal.aborted) return;
    say(`${name} did not answer ${maxMisses} checks of /livez in a row, so it is ended`);
    await server.stop();
  }

  async function startAgain(
    part: SupervisedProcess,
    nextDelay: () => number,
  ): Promise<RunningServer | null> {
    for (;;) {
      const seconds = nextDelay();
      say(
        seconds === 0 ? `${part.name} is restarting …` : `${part.name} restarts in ${seconds} s …`,
      );
      await pauseUnlessAborted(seconds, stopping.signal);
      if (isStopping()) return null;
      const since = Date.now();
      try {
        const server = await part.start(stopping.signal);
        say(`${part.name} is running again after ${((Date.now() - since) / 1000).toFixed(1)} s`);
        return server;
      } catch (error) {
        if (!isStopping()) say((error as Error).message);
      }
    }
  }

  return {
    run,
    processes: () =>
      kept.flatMap(({ part, server }) =>
        server === null ? [] : [{ name: part.name, pid: server.pid }],
      ),
    stop: async () => {
      stopping.abort();
      clearInterval(trimming);
      const tiers = [...new Set(kept.map(({ part }) => part.tier))].sort((a, b) => b - a);
      for (const tier of tiers) {
        await Promise.all(
          kept
            .filter(({ part }) => part.tier === tier)
            .map(async (entry) => {
              await entry.server?.stop();
              await entry.over;
            }),
        );
      }
    },
  };
}

/** The first restart is immediate, because most ends are accidents. Later ones wait longer. */
function doubling(attempt: number): number {
  return attempt === 0 ? 0 : Math.min(2 ** (attempt - 1), 30);
}

/** Waits, or returns early once the signal is aborted. It leaves no listener on the signal. */
export async function pauseUnlessAborted(seconds: number, signal: AbortSignal): Promise<void> {
  if (seconds === 0) return;
  try {
    await sleep(seconds * 1000, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
