import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { endProcess } from '../../data/end-process';

/** Prints a line when it is ready for signals. */
async function startChild(script: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', `${script}; console.log('ready')`]);
  await once(child.stdout, 'data');
  return child;
}

test('a process that ends by itself is not killed', async () => {
  const child = await startChild(
    "process.on('SIGTERM', () => setTimeout(() => process.exit(3), 50)); setInterval(() => 0, 1000)",
  );
  await endProcess(child, 60_000);
  expect([child.exitCode, child.signalCode]).toEqual([3, null]);
});

test('a process that ignores SIGTERM is killed after the wait', async () => {
  const child = await startChild("process.on('SIGTERM', () => 0); setInterval(() => 0, 1000)");
  await endProcess(child, 200);
  expect(child.signalCode).toBe('SIGKILL');
});

test('a process that has ended, or that never began, is no error', async () => {
  const ended = spawn(process.execPath, ['-e', '0']);
  await once(ended, 'exit');
  await endProcess(ended, 60_000);
  const never = spawn('/no/such/program');
  never.on('error', () => undefined);
  await endProcess(never, 60_000);
});
