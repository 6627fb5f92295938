import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync } from 'node:fs';
import { failure } from '../../domain/failure';
import { rotateLog } from '../log-file';
import type { ProcessGuard } from '../death-watch';
import { describeSpawnError, explainEnd, explainLog, type ProcessEnd } from './explain';

export interface ServerCommand {
  /** Name in messages: `PostgreSQL`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Open descriptors that the server gets as 3, 4, … */
  readonly descriptors?: readonly number[];
  /** File for stdout and stderr; the file of the previous start is kept beside it. */
  readonly logFile: string;
  /** Returns true as soon as the server accepts requests. */
  readonly ready: (pid: number) => Promise<boolean>;
  readonly readySeconds: number;
  readonly stopSignal: NodeJS.Signals;
  /** Seconds until SIGKILL. */
  readonly stopSeconds: number;
  readonly guard: ProcessGuard;
  /** Aborts the start and ends the server. */
  readonly signal?: AbortSignal | undefined;
}

export interface RunningServer {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  /** Settles when the process has ended for any reason. Never rejects. */
  readonly exited: Promise<ProcessEnd>;
  /** Ends the process, with SIGKILL after a wait. Can be called twice or after the end. */
  stop(): Promise<void>;
}

/**
 * Environment of a server. TEMPORAL_*, PG*, WEED_* and AWS_* of the user's shell would change its
 * behaviour and are left out.
 */
export function serverEnvironment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'LANG'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(kept), TZ: 'UTC', ...extra };
}

/** Starts a server and resolves when it accepts requests; otherwise ends it and explains why. */
export async function startServer(server: ServerCommand): Promise<RunningServer> {
  const child = spawnServer(server);
  const spawned = await outcomeOfSpawn(child);
  if (spawned !== null) throw describeSpawnError(server.name, server.command, spawned);
  const pid = child.pid;
  if (pid === undefined)
    throw failure(
      'PlatformUnavailable',
      `${server.name} could not be started: the system assigned no process id`,
    );
  server.guard.add(pid, server.stopSignal, server.name);

  const exited = new Promise<ProcessEnd>((resolve) =>
    child.once('exit', (code, signal) => resolve({ code, signal })),
  );
  void exited.then(() => server.guard.drop(pid));
  const running: RunningServer = {
    name: server.name,
    pid,
    logFile: server.logFile,
    exited,
    stop: () => stopChild(child, exited, server),
  };

  const deadline = Date.now() + server.readySeconds * 1000;
  while (!hasEnded(child)) {
    if (await server.ready(pid)) return running;
    if (server.signal?.aborted === true || Date.now() > deadline) {
      await running.stop();
      if (server.signal?.aborted === true)
        throw failure('PlatformUnavailable', `${server.name} was stopped before it was ready`);
      const reason = explainLog(server.logFile)?.reason;
      throw failure(
        'PlatformUnavailable',
        `${server.name} could not be started: no response within ${server.readySeconds} s${reason === undefined ? '' : `: ${reason}`}`,
        {
          next: `Its log is ${server.logFile}`,
        },
      );
    }
    await Promise.race([exited, pause(25)]);
  }
  const { reason, next } = explainEnd(await exited, server.logFile);
  throw failure('PlatformUnavailable', `${server.name} could not be started: ${reason}`, { next });
}

function spawnServer(server: ServerCommand): ChildProcess {
  const log = rotateLog(server.logFile);
  try {
    return spawn(server.command, server.args, {
      env: server.env,
      ...(server.cwd === undefined ? {} : { cwd: server.cwd }),
      ...(server.uid === undefined ? {} : { uid: server.uid }),
      ...(server.gid === undefined ? {} : { gid: server.gid }),
      stdio: ['ignore', log, log, ...(server.descriptors ?? [])],
      // Ctrl-C in a terminal reaches the whole foreground group; the platform decides the order of
      // the stop
      detached: true,
    });
  } finally {
    closeSync(log);
  }
}

async function outcomeOfSpawn(child: ChildProcess): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    child.once('spawn', () => resolve(null));
    child.once('error', (error) => resolve(error));
  });
}

async function stopChild(
  child: ChildProcess,
  exited: Promise<ProcessEnd>,
  server: ServerCommand,
): Promise<void> {
  if (hasEnded(child)) return;
  child.kill(server.stopSignal);
  const timer = setTimeout(() => child.kill('SIGKILL'), server.stopSeconds * 1000);
  await exited;
  clearTimeout(timer);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
