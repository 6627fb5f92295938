/** The processes around the gateways: upstreams and clients. */
import { spawn, type ChildProcess } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { StreamLoadFigures, PlanMessage } from './plan';

export interface Upstream {
  readonly host: string;
  readonly port: number;
  readonly child: ChildProcess;
}

export async function startUpstream(host: string): Promise<Upstream> {
  const child = startTyped('upstream.ts', [host], ['ignore', 'pipe', 'inherit']);
  const port = await new Promise<number>((done, fail) => {
    child.stdout?.once('data', (line: Buffer) => done(Number(line.toString())));
    child.once('exit', () => fail(new Error('an upstream ended before it listened')));
  });
  return { host, port, child };
}

export interface Client {
  readonly child: ChildProcess;
  readonly tell: (told: PlanMessage) => void;
  readonly figures: () => Promise<StreamLoadFigures>;
}

export function startClient(): Client {
  const child = startTyped('client.ts', [], ['ignore', 'inherit', 'inherit', 'ipc']);
  return {
    child,
    tell: (told) => void child.send(told),
    figures: () =>
      new Promise((answered, failed) => {
        const gone = (): void => failed(new Error('a client ended by itself'));
        child.once('exit', gone);
        child.once('message', (figures: StreamLoadFigures) => {
          child.off('exit', gone);
          answered(figures);
        });
        child.send({ kind: 'figures' } satisfies PlanMessage);
      }),
  };
}

export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((done) => child.once('exit', done));
  child.kill('SIGKILL');
  await exit;
}

function startTyped(
  file: string,
  args: readonly string[],
  stdio: ('ignore' | 'pipe' | 'inherit' | 'ipc')[],
): ChildProcess {
  return spawn(process.execPath, ['-r', 'tsx/cjs', join(__dirname, file), ...args], {
    cwd: resolve(__dirname, '..', '..'),
    stdio,
  });
}
