import type { ChildProcess } from 'node:child_process';

/** Sends SIGTERM, and SIGKILL after `stopMs` milliseconds. Returns when the process has ended. */
export async function endProcess(child: ChildProcess, stopMs: number): Promise<void> {
  const neverBegan = child.pid === undefined;
  if (neverBegan || child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((settle) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
    child.once('exit', () => {
      clearTimeout(timer);
      settle();
    });
    child.kill('SIGTERM');
  });
}
