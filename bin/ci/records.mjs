/** The outcomes of finished test files and commands, in .perennial/tests.jsonl. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from '../provision.mjs';
import { findTier } from './tiers.mjs';

const recordFile = join(root, '.perennial', 'tests.jsonl');
let commit;

/** Written at once, so that a killed run loses nothing that had finished. */
export function appendRecord({ id, seconds, passed, failed }) {
  commit ??= readCommit();
  mkdirSync(dirname(recordFile), { recursive: true, mode: 0o700 });
  const rounded = Math.round(seconds * 10) / 10;
  const record = { id, at: Date.now(), commit, seconds: rounded, passed, failed };
  appendFileSync(recordFile, `${JSON.stringify(record)}\n`);
}

/** The outcomes since a time in milliseconds, oldest first. */
export function readRecords(since = 0) {
  if (!existsSync(recordFile)) return [];
  return readFileSync(recordFile, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
    .filter(({ at }) => at >= since);
}

/** 'unknown' outside of a clone of git. */
export function readCommit() {
  try {
    const options = { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] };
    return execFileSync('git', ['rev-parse', 'HEAD'], options).trim();
  } catch {
    return 'unknown';
  }
}

/** The seconds of the files of each tier, and the slowest files. For people. */
export function describeTimes(records) {
  const sums = new Map();
  for (const { id, seconds } of records) {
    const tier = nameTier(id);
    const { files = 0, total = 0 } = sums.get(tier) ?? {};
    sums.set(tier, { files: files + 1, total: total + seconds });
  }
  if (records.length === 0) return [];
  const slowest = records.toSorted((a, b) => b.seconds - a.seconds).slice(0, 12);
  return [
    ...[...sums].map(
      ([tier, { files, total }]) =>
        `  ${tier.padEnd(16)} ${(total / 60).toFixed(1)} min in ${files} files`,
    ),
    '  slowest files:',
    ...slowest.map(({ id, seconds }) => `  ${seconds.toFixed(0).padStart(5)} s  ${id}`),
  ];
}

function nameTier(id) {
  if (id.startsWith('npm run ')) return 'commands';
  return id.startsWith('machines:') ? 'machines' : findTier(id);
}
