import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { ProcessGuard } from '../death-watch';
import { serverEnvironment, startServer, type RunningServer } from './server-process';

export interface TemporalOptions {
  readonly binary: string;
  /** Folder of the SQLite file; created when missing. */
  readonly stateDir: string;
  readonly logFile: string;
  readonly ports: { readonly grpc: number; readonly ui: number };
  /** Loopback address of the Web UI; default 127.0.0.1. */
  readonly uiAddress?: string | undefined;
  readonly guard: ProcessGuard;
  readonly signal?: AbortSignal | undefined;
}

export interface EmbeddedTemporal extends RunningServer {
  readonly address: string;
  readonly uiUrl: string;
}

/**
 * The Temporal dev server on SQLite with its Web UI, tuned for one machine. It has no
 * authentication, so it listens only on loopback. Namespace and search attributes are created
 * through the API, as on a cluster.
 */
export async function startTemporal(options: TemporalOptions): Promise<EmbeddedTemporal> {
  mkdirSync(options.stateDir, { recursive: true, mode: 0o700 });
  const { grpc, ui } = options.ports;
  const uiAddress = options.uiAddress ?? '127.0.0.1';
  const server = await startServer({
    name: 'The Temporal server',
    command: options.binary,
    args: [
      'server',
      'start-dev',
      '--ip',
      '127.0.0.1',
      '--port',
      String(grpc),
      '--ui-ip',
      uiAddress,
      '--ui-port',
      String(ui),
      '--ui-disable-news-fetch',
    ]
      .concat([
        '--db-filename',
        join(options.stateDir, 'temporal.db'),
        '--log-level',
        'warn',
        '--disable-config-file',
      ])
      .concat(pragmas.flatMap((pragma) => ['--sqlite-pragma', pragma]))
      .concat(dynamicConfig.flatMap((value) => ['--dynamic-config-value', value])),
    env: serverEnvironment(),
    logFile: options.logFile,
    ready: () => answersTcp(grpc),
    readySeconds: 60,
    stopSignal: 'SIGTERM',
    stopSeconds: 10,
    guard: options.guard,
    signal: options.signal,
  });
  return { ...server, address: `127.0.0.1:${grpc}`, uiUrl: `http://${uiAddress}:${ui}` };
}

/**
 * Write-ahead log: 50 runs take 8 s instead of 31 s. synchronous=OFF would risk the file in a power
 * failure.
 */
const pragmas = ['journal_mode=WAL', 'synchronous=NORMAL'];

/**
 * By default one shard reads its queues 20 times per second and delays timers by a second. That
 * costs 37 ms per task.
 */
const dynamicConfig = [
  'history.timerProcessorMaxTimeShift="10ms"',
  'history.transferProcessorMaxPollRPS=5000',
  'history.timerProcessorMaxPollRPS=5000',
  // Tasks of different fairness keys alternate, so a tenant with a thousand waiting runs does not
  // delay others. Priorities need no setting.
  'matching.enableFairness=true',
  // Order is kept within a partition, and one machine needs only one.
  'matching.numTaskqueueReadPartitions=1',
  'matching.numTaskqueueWritePartitions=1',
  // The HTTP API accepts any Host header, so a web page could reach it by DNS rebinding. Perennial
  // does not use it.
  'frontend.httpAllowedHosts=["perennial.invalid"]',
  // A ping without a response closes the connection of a frozen worker. While it counts as open
  // (70 s by default), its waiting polls get tasks that are lost until their timeout. Ping and wait
  // together are no longer than the activities' heartbeat timeout, so the next attempt meets no
  // such poll.
  'frontend.keepAliveTime="5s"',
  'frontend.keepAliveTimeout="5s"',
];

/**
 * gRPC listens only after the server's services are up. The SDK checks the namespace afterwards.
 */
async function answersTcp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/**
 * Random loopback address of the Web UI behind the session proxy. The UI accepts any Host header,
 * so a web page that knows its address could reach it by DNS rebinding. On Linux it is one of 16
 * million addresses of 127.0.0.0/8. It is not secret from local users.
 */
export function hiddenUiAddress(): string {
  if (process.platform !== 'linux') return '127.0.0.1';
  const [a = 0, b = 0, c = 0] = randomBytes(3);
  return `127.${Math.max(a, 1)}.${b}.${Math.min(Math.max(c, 1), 254)}`;
}
