#!/usr/bin/env node
/**
 * `npm run test:all`: runs every check and every test of every tier that this machine can run, and
 * goes on where an interrupted run ended. `--fresh` starts over, `--left` only prints what is left.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runFiles } from './ci/jest.mjs';
import { prepareTier } from './ci/prepare.mjs';
import { appendRecord, describeTimes, readCommit, readRecords } from './ci/records.mjs';
import { runScript, staticChecks } from './ci/static.mjs';
import { findObstacle, listUnits, tiers } from './ci/tiers.mjs';
import { checkFlags } from './flags.mjs';
import { reportFailure, root } from './provision.mjs';

checkFlags(process.argv.slice(2), {
  usage: 'npm run test:all -- [--fresh] [--left]',
  flags: ['fresh', 'left'],
  explained: `  --fresh  Start over; without it, what has passed since the last start is not run again
  --left   Only print what is left to run
`,
});
const [isFresh, isDry] = ['--fresh', '--left'].map((flag) => process.argv.includes(flag));
const stateFile = join(root, '.perennial', 'test-all.json');

const checks = staticChecks.map((name) => ({
  id: `npm run ${name}`,
  tier: 'checks',
  command: name,
}));
const units = [...checks, ...listUnits(root)];
const obstacles = new Map(units.map((unit) => [unit.id, findObstacle(unit)]));
const possible = units.filter(({ id }) => obstacles.get(id) === null);

try {
  process.exitCode = await testAll();
} catch (error) {
  reportFailure(error);
  process.exitCode = 1;
}

async function testAll() {
  const startedAt = readStart();
  const earlier = readFinished(startedAt);
  const others = [...earlier.values()].filter(({ commit }) => commit !== readCommit());
  if (others.length > 0)
    process.stderr.write(
      `${others.length} finished units ran on another commit; --fresh runs them again\n`,
    );
  if (!isDry) {
    // Those without tests come first, and then a tier at a time.
    const left = possible.filter(({ id }) => !isPassed(earlier.get(id)));
    for (const tier of ['checks', ...Object.keys(tiers), 'commands']) {
      const some = left.filter((unit) => unit.tier === tier);
      if (some.length === 0) continue;
      process.stderr.write(`\n${tier}: ${some.length} left\n`);
      await prepareTier(tier);
      await runTier(tier, some);
    }
  }
  return report(readFinished(startedAt));
}

/** Each finished file is on record before the next one starts. */
async function runTier(tier, some) {
  if (tier in tiers) return runFiles(root, { units: some, retries: true });
  for (const { id, command } of some) {
    const { seconds, passed, failed } = await runScript(root, command);
    appendRecord({ id, seconds, passed, failed });
  }
}

/** When this turn began, in milliseconds. */
function readStart() {
  if (!isFresh && existsSync(stateFile))
    return JSON.parse(readFileSync(stateFile, 'utf8')).startedAt;
  const startedAt = Date.now();
  mkdirSync(dirname(stateFile), { recursive: true, mode: 0o700 });
  writeFileSync(stateFile, `${JSON.stringify({ startedAt })}\n`);
  return startedAt;
}

/** The last outcome of each unit of this turn. */
function readFinished(startedAt) {
  return new Map(readRecords(startedAt).map((each) => [each.id, each]));
}

function isPassed(outcome) {
  return outcome !== undefined && outcome.failed === 0;
}

function report(finished) {
  const left = possible.filter(({ id }) => !finished.has(id));
  const failed = possible.filter(({ id }) => finished.has(id) && !isPassed(finished.get(id)));
  process.stderr.write('\n');
  for (const reason of new Set([...obstacles.values()].filter((each) => each !== null))) {
    const some = units.filter(({ id }) => obstacles.get(id) === reason);
    process.stderr.write(`cannot run here: ${some.length} of ${some[0].tier}: ${reason}\n`);
  }
  for (const { id } of failed) process.stderr.write(`failed: ${id}\n`);
  for (const { id } of left) process.stderr.write(`left: ${id}\n`);
  const outcomes = possible.flatMap(({ id }) => finished.get(id) ?? []);
  for (const line of describeTimes(outcomes)) process.stderr.write(`${line}\n`);
  const sum = (key) => outcomes.reduce((total, outcome) => total + outcome[key], 0);
  process.stderr.write(`${outcomes.length} of ${possible.length} units finished\n`);
  process.stdout.write(`${sum('passed')} passed, ${sum('failed')} failed\n`);
  return failed.length > 0 || (left.length > 0 && !isDry) ? 1 : 0;
}
