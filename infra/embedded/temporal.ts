import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { ProcessGuard } from '../death-watch';
import { serverEnvironment, startServer, type RunningServer } from './server-process';

export interface TemporalOptions {
  readonly binary: string;
  /** Holds the SQLite file; made when missing. */
  readonly stateDir: string;
  readonly logFile: string;
  readonly ports: { readonly grpc: number; readonly ui: number };
  /** Loopback address of the Web UI; 127.0.0.1 when not given. */
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
 * authentication, so it listens on loopback only. Namespace and search attributes are not its
 * flags: they are made through the API, the same way as on a real cluster.
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
 * Write-ahead log: 50 runs took 8 s instead of 31 s. Not synchronous=OFF, which risks the file on a
 * power cut.
 */
const pragmas = ['journal_mode=WAL', 'synchronous=NORMAL'];

/**
 * The dev server has one shard that reads its queues 20 times a second and holds timers for a
 * second: fine for a demo, 37 ms a task too slow here.
 */
const dynamicConfig = [
  'history.timerProcessorMaxTimeShift="10ms"',
  'history.transferProcessorMaxPollRPS=5000',
  'history.timerProcessorMaxPollRPS=5000',
  // Tasks of different fairness keys take turns: a tenant with a thousand waiting runs does not
  // hold up the others. Priorities are on without a setting.
  'matching.enableFairness=true',
  // Order holds within a partition, and one machine needs no second one.
  'matching.numTaskqueueReadPartitions=1',
  'matching.numTaskqueueWritePartitions=1',
  // Its HTTP API takes any Host header otherwise, so that a web page could reach it by DNS
  // rebinding. Nothing of ours uses it.
  'frontend.httpAllowedHosts=["perennial.invalid"]',
  // A frozen worker's connection is noticed by a ping that is not answered. As long as it counts as
  // open (70 s by default), tasks are handed to its waiting polls, each lost until its timeout.
  // Together with the ping's wait no longer than the activities' heartbeat timeout, so that the
  // attempt after it finds no such poll.
  'frontend.keepAliveTime="5s"',
  'frontend.keepAliveTimeout="5s"',
];

/**
 * gRPC listens only after the server's own services are up; whether the namespace serves is asked
 * through the SDK afterwards.
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
 * Where the Web UI itself listens, behind the proxy that asks for a session. It takes any Host
 * header, so a web page that knew its address could reach it by DNS rebinding: on Linux, where all
 * of 127.0.0.0/8 is this machine, the address is one of 16 million at random. No secret from local
 * users.
 */
export function hiddenUiAddress(): string {
  if (process.platform !== 'linux') return '127.0.0.1';
  const [a = 0, b = 0, c = 0] = randomBytes(3);
  return `127.${Math.max(a, 1)}.${b}.${Math.min(Math.max(c, 1), 254)}`;
}
