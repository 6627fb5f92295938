/** Runs every bench in turn, each in its own process, so that none affects the next. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const benches = ['overhead', 'inference'];
const root = join(__dirname, '..');

for (const bench of benches) {
  const { status } = spawnSync(
    process.execPath,
    ['-r', 'tsx/cjs', join(__dirname, bench, 'main.ts')],
    { cwd: root, stdio: 'inherit' },
  );
  if (status !== 0) process.exitCode = 1;
}
