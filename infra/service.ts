import { spawn, type StdioOptions } from 'node:child_process';
import { get } from 'node:http';
import { get as getByTls } from 'node:https';
import { join, resolve } from 'node:path';
import { failure } from '../domain/failure';
import type { ProcessGuard } from './death-watch';
import { startServer, type RunningServer } from './embedded/server-process';
import { passEnvironment } from './hidden-settings';

const root = resolve(__dirname, '..');
/**
 * How the platform's processes start: from their bundle if it is current, otherwise from TypeScript
 * with source maps.
 */
const nodeArguments = [
  '-r',
  join(root, 'bin', 'load-sources.cjs'),
  join(root, 'workers', 'main.ts'),
];

export interface ServiceOptions {
  readonly name: string;
  readonly command: 'worker' | 'api' | 'gateway' | 'llm-server';
  readonly env: NodeJS.ProcessEnv;
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly logFile: string;
  readonly guard: ProcessGuard;
  readonly signal: AbortSignal;
}

export async function startService(options: ServiceOptions): Promise<RunningServer> {
  const passed = passEnvironment(options.env);
  try {
    return await startServer({
      name: options.name,
      command: process.execPath,
      args: [...nodeArguments, options.command],
      env: passed.env,
      descriptors: [passed.descriptor],
      cwd: root,
      logFile: options.logFile,
      ready: () => answers(options, { path: '/readyz', timeoutMs: 1_000 }),
      readySeconds: 90,
      stopSignal: 'SIGTERM',
      stopSeconds: 15,
      guard: options.guard,
      signal: options.signal,
    });
  } finally {
    passed.close();
  }
}

/** Runs a command to its end and returns the JSON of the last line of its stdout. */
export async function runToEnd(
  command: string,
  env: NodeJS.ProcessEnv,
  guard: ProcessGuard,
): Promise<unknown> {
  const passed = passEnvironment(env);
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', passed.descriptor];
  const child = spawn(process.execPath, [...nodeArguments, command], {
    env: passed.env,
    cwd: root,
    stdio,
    detached: true,
  });
  passed.close();
  if (child.pid !== undefined) guard.add(child.pid, 'SIGTERM', command);
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on(
    'data',
    (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-16_384)),
  );
  const code = await new Promise<number | null>((settle, reject) =>
    child.once('error', reject).once('close', settle),
  );
  if (child.pid !== undefined) guard.drop(child.pid);
  if (code === 0) return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  const [message, next] = [
    /^error: ([\s\S]*)/m.exec(stderr)?.[1]?.split('\nnext: ', 1)[0]?.trimEnd(),
    /^next: (.*)$/m.exec(stderr)?.[1],
  ];
  throw failure(
    'PlatformUnavailable',
    message ?? `perennial ${command} ended with code ${code ?? 'unknown'}: ${stderr.trim()}`,
    next === undefined ? {} : { next },
  );
}

type ServiceAddress = Pick<ServiceOptions, 'host' | 'port' | 'tls'>;

/** Whether the event loop of the process runs. */
export function isAlive(address: ServiceAddress): Promise<boolean> {
  return answers(address, { path: '/livez', timeoutMs: 5_000 });
}

async function answers(
  { host, port, tls }: ServiceAddress,
  { path, timeoutMs }: { readonly path: string; readonly timeoutMs: number },
): Promise<boolean> {
  return new Promise((settle) => {
    // The certificate may name another host, and nothing secret is sent.
    const request = (tls ? getByTls : get)(
      { host, port, path, timeout: timeoutMs, agent: false, rejectUnauthorized: false },
      (response) => {
        response.resume();
        settle(response.statusCode === 200);
      },
    );
    request.once('timeout', () => request.destroy());
    request.once('error', () => settle(false));
  });
}
