/**
 * The time that the command line needs for `--help`, beside an empty Node process, and through npx.
 */
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { loadavg } from 'node:os';
import { median } from './figures';

const root = resolve(__dirname, '..');
const rounds = 15;

const programs: readonly (readonly [string, string, readonly string[]])[] = [
  ['node, doing nothing', process.execPath, ['-e', '0']],
  ['./perennial --help', join(root, 'perennial'), ['--help']],
  [
    'from its sources',
    process.execPath,
    ['-r', 'tsx/cjs', join(root, 'workers', 'main.ts'), '--help'],
  ],
  ['npx perennial --help', 'npx', ['perennial', '--help']],
];

/** In turns, so that a busy minute affects all of them. */
const seconds = new Map<string, number[]>(programs.map(([name]) => [name, []]));
for (let round = 0; round < rounds; round += 1) {
  for (const [name, program, args] of programs) {
    const startedAt = performance.now();
    const { status, stderr } = spawnSync(program, args, { cwd: root, encoding: 'utf8' });
    if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
    seconds.get(name)?.push((performance.now() - startedAt) / 1000);
  }
}

const rows = [...seconds].map(([name, times]) => ({
  name,
  median: median(times),
  least: Math.min(...times),
  most: Math.max(...times),
}));
for (const row of rows) {
  process.stdout.write(
    `${row.name.padEnd(22)} ${row.median.toFixed(2)} s (${row.least.toFixed(2)} … ${row.most.toFixed(2)})\n`,
  );
}
process.stdout.write(`${JSON.stringify({ cli: rows, rounds, load: loadavg()[0] })}\n`);
