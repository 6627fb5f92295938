/** Runs the container of a pod as a process of this machine. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, readdirSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { constants } from 'node:os';
import type { ProcessGuard } from '../../../../infra/death-watch';
import type { FakeContainer } from './objects';

export interface ContainerEnd {
  readonly exitCode: number;
  readonly isOutOfMemory: boolean;
  /** Why it could not start. */
  readonly startError?: string;
}

export interface RunningContainer {
  /** Like the runtime, which ends the first process only. */
  terminate(): void;
  /** The first process and all that it started. */
  kill(): void;
  readonly ended: Promise<ContainerEnd>;
}

const marker = 'FAKE_CONTAINER';
/** Two looks in a row, so that a supervisor that reports the excess itself comes first. */
const lookMs = 1000;

export function runContainer(
  { command, env = [] }: FakeContainer,
  variables: Readonly<Record<string, string>>,
  memoryLimit: number,
  logFile: string,
  watch: ProcessGuard,
): RunningContainer {
  const id = randomUUID();
  const all = Object.fromEntries([
    ...Object.entries(variables),
    ...env.map(({ name, value = '' }) => [name, expand(value, variables)] as const),
  ]);
  const [program = '', ...rest] = command.map((argument) => expand(argument, all));
  const output = openSync(logFile, 'a');
  const child = spawn(program, rest, {
    env: { PATH: process.env['PATH'], ...all, [marker]: id },
    stdio: ['ignore', output, output],
    detached: true,
    cwd: '/tmp',
  });
  closeSync(output);
  if (child.pid !== undefined) watch.add(child.pid, 'SIGKILL', 'container');
  let isOutOfMemory = false;
  let excess = 0;
  const kill = (): void => {
    for (const pid of listPids(id)) signal(pid, 'SIGKILL');
  };
  const memory = setInterval(() => {
    excess = residentBytes(listPids(id)) > memoryLimit ? excess + 1 : 0;
    if (excess < 2) return;
    isOutOfMemory = true;
    kill();
  }, lookMs);
  const ended = watchEnd(child).then(async (end) => {
    clearInterval(memory);
    // The other processes of a container end with its first one.
    for (let left = listPids(id); left.length > 0; left = listPids(id)) {
      kill();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    if (child.pid !== undefined) watch.drop(child.pid);
    return { ...end, isOutOfMemory };
  });
  return { terminate: () => signal(child.pid ?? 0, 'SIGTERM'), kill, ended };
}

/** `$(NAME)` is the value of a variable, and `$$` is `$`; see the package `expansion`. */
export function expand(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([^()]*)\)/g, (found, name: string | undefined) =>
    found === '$$' ? '$' : (variables[name ?? ''] ?? found),
  );
}

function watchEnd(child: ChildProcess): Promise<Omit<ContainerEnd, 'isOutOfMemory'>> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ exitCode: 128, startError: error.message }));
    child.once('exit', (code, signalName) => {
      const number = signalName === null ? 0 : constants.signals[signalName];
      resolve({ exitCode: code ?? 128 + number });
    });
  });
}

function listPids(id: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => read(`/proc/${pid}/environ`).includes(`${marker}=${id}`));
}

function residentBytes(pids: readonly number[]): number {
  const pages = pids.map((pid) => Number(read(`/proc/${pid}/statm`).split(' ')[1] ?? 0));
  return pages.reduce((sum, each) => sum + each, 0) * 4096;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  if (pid <= 1 || pid === process.pid) return;
  try {
    process.kill(pid, name);
  } catch {
    // it has ended
  }
}
