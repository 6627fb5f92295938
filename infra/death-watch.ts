import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** Told of every process as soon as it exists, and when it is gone. */
export interface ProcessGuard {
  readonly add: (pid: number, signal: NodeJS.Signals, name: string) => void;
  readonly drop: (pid: number) => void;
}

/**
 * Ends the processes given to it when this process dies in any way, kill -9 included: a shell of
 * one megabyte holds the other end of a pipe, and the kernel closes that pipe with us. Every
 * process is checked by its birth before it is signalled.
 */
export interface DeathWatch extends ProcessGuard {
  readonly pid: number;
  /** Lets go: what is still in the list stays alive. Resolves when the shell is gone too. */
  close(): Promise<void>;
}

export function openDeathWatch(graceSeconds = 8): DeathWatch {
  const shell = spawn('/bin/sh', [join(__dirname, 'death-watch.sh'), String(graceSeconds)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
  });
  // Without a shell there is no watch; leftovers are then cleared at the next start.
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
