/** The platform that runs from the folder of a project, or a new one. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { endProcess } from '../../data/end-process';
import { failure } from '../../domain/failure';

export interface PlatformAccess {
  readonly apiUrl: string;
  readonly gatewayUrl: string | null;
  readonly apiKey: string;
}

export interface LocalPlatform extends PlatformAccess {
  /** False when the platform ran before. */
  readonly isStartedHere: boolean;
  /** Stops the platform if it was started here. */
  stop(): Promise<void>;
}

interface LocalPlatformOptions {
  readonly folder: string;
  /** Where the environment places the state of a platform that starts in the folder. */
  readonly stateDir: string;
  /** Receives each line that the platform prints while it starts and stops. */
  readonly say: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** The program `perennial` of this clone or package. */
export const perennialProgram = resolve(__dirname, '..', '..', 'bin', 'perennial.mjs');

/** The first start downloads programs and Python packages, which takes minutes. */
const startSeconds = 900;
const pollMs = 200;
/** Its servers end within seconds. After that its death watch ends them. */
const stopMs = 30_000;

/** @throws PlatformUnavailable with the last lines of the platform that did not start. */
export async function openLocalPlatform(options: LocalPlatformOptions): Promise<LocalPlatform> {
  const { stateDir } = options;
  const running = await readyClient(stateDir);
  if (running) return { ...running, isStartedHere: false, stop: () => Promise.resolve() };
  return startPlatform(options);
}

async function startPlatform({
  folder,
  stateDir,
  say,
  signal,
}: LocalPlatformOptions): Promise<LocalPlatform> {
  const child = spawn(process.execPath, [perennialProgram, 'up'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const lines: string[] = [];
  eachLine(child, (line) => {
    lines.push(line);
    say(line);
  });
  const stop = (): Promise<void> => endProcess(child, stopMs);
  const deadline = Date.now() + startSeconds * 1000;
  try {
    for (;;) {
      const ready = await readyClient(stateDir);
      if (ready) return { ...ready, isStartedHere: true, stop };
      signal?.throwIfAborted();
      if (hasEnded(child) || Date.now() > deadline)
        throw failure(
          'PlatformUnavailable',
          `the platform did not start: ${lines.slice(-5).join('\n')}`,
          { next: 'perennial doctor' },
        );
      await new Promise((settle) => setTimeout(settle, pollMs));
    }
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What `up` wrote for this machine. Null unless its API responds. */
async function readyClient(stateDir: string): Promise<PlatformAccess | null> {
  try {
    const { apiUrl, gatewayUrl, apiKey } = JSON.parse(
      readFileSync(join(stateDir, 'run', 'client.json'), 'utf8'),
    ) as PlatformAccess;
    const answer = await fetch(`${apiUrl}/readyz`, { signal: AbortSignal.timeout(2000) });
    return answer.ok ? { apiUrl, gatewayUrl, apiKey } : null;
  } catch {
    return null;
  }
}

function eachLine({ stderr }: ChildProcess, use: (line: string) => void): void {
  let rest = '';
  stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) use(line);
  });
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
