/**
 * A process like a project worker: one stage awaits, and another blocks the event loop after an
 * await. With the
 * argument `parent` it starts such a process, writes its id and ends before it.
 */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLoopWatch } from '../../../workers/project/loop-watch';

const [mode] = process.argv.slice(2);
const stage = (name: string) => ({
  name,
  taskToken: Buffer.from(name).toString('base64'),
  limitMs: 800,
});

if (mode === 'parent') {
  const child = spawn(process.execPath, [...process.execArgv, __filename, 'orphan'], {
    stdio: ['pipe', 'ignore', 'ignore', 'ignore', 'ignore'],
  });
  process.stdout.write(`${child.pid ?? 0}\n`);
  setTimeout(() => process.exit(0), 3_000);
} else {
  const { watch } = openLoopWatch(4, 100);
  void watch(stage('patient'), () => sleep(60_000));
  void watch(stage('spin'), async () => {
    await sleep(200);
    for (;;);
  });
  // The stage that began last is innocent.
  void watch(stage('late'), () => sleep(60_000));
}
