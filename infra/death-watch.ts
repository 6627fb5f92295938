import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** Keeps a list of running processes. */
export interface ProcessGuard {
  readonly add: (pid: number, signal: NodeJS.Signals, name: string) => void;
  readonly drop: (pid: number) => void;
}

/**
 * Ends its processes when this process dies in any way, including SIGKILL. A small shell holds the
 * other end of a pipe, which the kernel closes. The start time of each process is checked before it
 * gets a signal.
 */
export interface DeathWatch extends ProcessGuard {
  readonly pid: number;
  /** Ends the watch without signals. Resolves when its shell has ended. */
  close(): Promise<void>;
}

export function openDeathWatch(graceSeconds = 8): DeathWatch {
  const shell = spawn('/bin/sh', [join(__dirname, 'death-watch.sh'), String(graceSeconds)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
  });
  // Without a shell there is no watch; the next start then ends what is left.
  const gone = new Promise<void>((resolve) =>
    shell.once('error', () => resolve()).once('exit', () => resolve()),
  );
  shell.stdin.on('error', () => undefined);
  shell.unref();
  (shell.stdin as unknown as { unref(): void }).unref();
  const tell = (line: string): void => {
    if (shell.stdin.writable) shell.stdin.write(`${line}\n`);
  };
  return {
    pid: shell.pid ?? 0,
    add: (pid, signal) => tell(`add ${pid} ${signal.replace(/^SIG/, '')}`),
    drop: (pid) => tell(`drop ${pid}`),
    close: async () => {
      shell.ref();
      tell('done');
      shell.stdin.end();
      await gone;
    },
  };
}
