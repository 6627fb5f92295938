import cluster, { type Worker } from 'node:cluster';
import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import { failure } from '../../../domain/failure';
import { mergeMetrics } from './merge-metrics';
import { collectMs, type MemberMessage, type SupervisorMessage } from './messages';

export interface SuperviseOptions {
  readonly processes: number;
  /** The environment of a new process, and the open file with its secret settings. */
  readonly passEnvironment: () => {
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly descriptor: number;
    close(): void;
  };
  /** The environment of the process with this number. */
  readonly numbered: (number: number) => Readonly<Record<string, string>>;
  readonly log: FastifyBaseLogger;
  readonly signal: AbortSignal;
}

/** The pause before a process that ended soon after its start is started again. */
const restartPauseMs = 1_000;
/** A process that lived longer is started again at once. */
const shortLifeMs = 10_000;

/**
 * Runs several gateway processes behind one address until the signal aborts. This process listens
 * and passes connections to the others in turn. A process that ends is replaced. The others end
 * when this one is killed, because they lose their channel to it.
 */
export async function superviseGateways(options: SuperviseOptions): Promise<void> {
  const { processes, log, signal } = options;
  const members = new Map<number, Worker>();
  const isStopping = (): boolean => signal.aborted;
  let restarts = 0;
  let hasListened = false;
  const collect = createCollector(members, () => restarts);

  function start(number: number): Worker {
    const passed = options.passEnvironment();
    cluster.setupPrimary({ stdio: ['ignore', 'inherit', 'inherit', passed.descriptor, 'ipc'] });
    const member = cluster.fork({ ...passed.env, ...options.numbered(number) });
    passed.close();
    member.on('listening', () => (hasListened = true));
    member.on('message', (message: MemberMessage) => collect(member, message));
    members.set(number, member);
    return member;
  }

  async function keep(number: number): Promise<void> {
    for (;;) {
      const startedAt = performance.now();
      const why = await watchEnd(start(number));
      members.delete(number);
      if (isStopping()) return;
      if (!hasListened)
        throw failure(
          'GatewayUnavailable',
          `gateway process ${number} ${why} before it listened; see its log`,
        );
      restarts += 1;
      log.error({ number, why }, 'a gateway process ended and is started again');
      if (performance.now() - startedAt < shortLifeMs)
        await pause(restartPauseMs, undefined, { signal }).catch(() => undefined);
      if (isStopping()) return;
    }
  }

  const stop = (): void => {
    for (const member of members.values()) member.process.kill('SIGTERM');
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    await Promise.all(Array.from({ length: processes }, (_, index) => keep(index + 1)));
  } finally {
    stop();
  }
}

/** Resolves with the reason when the process has ended, or could not be started. */
function watchEnd(member: Worker): Promise<string> {
  return new Promise((resolve) => {
    member.once('exit', (code: number | null, by: string | null) =>
      resolve(`ended with ${by ?? `code ${code ?? 'unknown'}`}`),
    );
    // Without a listener it would end this process. One that never ran emits no `exit`; for one
    // that runs, a message or a signal could not be sent.
    member.on('error', (error: Error) => {
      if (member.process.pid === undefined) resolve(`could not be started (${error.message})`);
    });
  });
}

/** Answers a member that was asked for metrics with those of all members. */
function createCollector(members: ReadonlyMap<number, Worker>, restarts: () => number) {
  const collections = new Map<number, (text: string | null) => void>();
  let asked = 0;

  function collectText(member: Worker): Promise<string | null> {
    const id = (asked += 1);
    return new Promise((resolve) => {
      const settle = (text: string | null): void => {
        clearTimeout(timer);
        collections.delete(id);
        resolve(text);
      };
      // A process that is busy or starting is left out.
      const timer = setTimeout(() => settle(null), collectMs);
      collections.set(id, settle);
      send(member, { kind: 'collect', id });
    });
  }

  async function answer(member: Worker, id: number): Promise<void> {
    const texts = await Promise.all([...members.values()].map(collectText));
    const text = mergeMetrics([
      ...texts.filter((each) => each !== null),
      ownMetrics(members.size, restarts()),
    ]);
    send(member, { kind: 'merged', id, text });
  }

  return (member: Worker, message: MemberMessage): void => {
    if (message.kind === 'collected') collections.get(message.id)?.(message.text);
    else void answer(member, message.id);
  };
}

/** A process may end at any time, and its channel with it. */
function send(member: Worker, message: SupervisorMessage): void {
  if (member.isConnected()) member.send(message, undefined, () => undefined);
}

function ownMetrics(processes: number, restarts: number): string {
  return `# HELP perennial_gateway_processes Gateway processes behind this address.
# TYPE perennial_gateway_processes gauge
perennial_gateway_processes ${processes}
# HELP perennial_gateway_process_restarts_total Gateway processes that ended and were started again.
# TYPE perennial_gateway_process_restarts_total counter
perennial_gateway_process_restarts_total ${restarts}
`;
}
