/** The checks that run no test: each is a script of package.json, passes or fails, and has a time. */
import { spawn } from 'node:child_process';
import { readFirstLines } from './failures.mjs';

/**
 * In the order in which they start. The longest come first, since two run at a time. One eslint
 * for all files can run out of its heap of 4 GB.
 */
export const staticChecks = [
  'lint:sources',
  'lint:tests',
  'types',
  'pack',
  'format',
  'boundaries',
  'deadcode',
];
const lanes = 2;

/**
 * Runs the scripts, two at a time, and prints what a failed one printed.
 * @returns one outcome for each, in the order of the names
 */
export async function runChecks(root, names, extra = {}) {
  const left = [...names];
  const outcomes = new Map();
  const work = async () => {
    for (let name = left.shift(); name !== undefined; name = left.shift())
      outcomes.set(name, await runScript(root, name, extra[name] ?? []));
  };
  await Promise.all(Array.from({ length: lanes }, work));
  return names.map((name) => outcomes.get(name));
}

/** Runs `npm run name args`; its output appears only if it fails. */
export async function runScript(root, name, args = []) {
  const startedAt = Date.now();
  const command = [
    'run',
    '--silent',
    ...name.split(' '),
    ...(args.length > 0 ? ['--', ...args] : []),
  ];
  const child = spawn('npm', command, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  const code = await new Promise((resolve) =>
    child
      .once('error', (error) => ((output += error.message), resolve(1)))
      .once('close', (exit) => resolve(exit ?? 1)),
  );
  const seconds = (Date.now() - startedAt) / 1000;
  const isPassed = code === 0;
  process.stderr.write(
    `${isPassed ? 'passed' : 'FAILED'}  npm run ${name}  ${formatTime(seconds)}\n`,
  );
  if (isPassed) return { name, seconds, passed: 1, failed: 0, failures: [] };
  process.stderr.write(`${output.trimEnd()}\n`);
  const failures = [{ name: `npm run ${name}`, message: readFirstLines(output) }];
  return { name, seconds, passed: 0, failed: 1, failures };
}

export function formatTime(seconds) {
  return seconds < 90 ? `${seconds.toFixed(0)} s` : `${(seconds / 60).toFixed(1)} min`;
}
