#!/usr/bin/env node
/**
 * `npm run check`: what CI runs. It prepares the clone, runs the checks without tests, the pure and
 * the platform tier, the end-to-end files without which no release is thinkable, and one shard of
 * all other tests. `--shard n` chooses the shard (0 to 7), `--list` only prints what would run, and
 * `--static` runs only the checks without tests.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeFailures, readCause } from './ci/failures.mjs';
import { runFiles } from './ci/jest.mjs';
import { installSystemPackages, needsMore, prepareTier } from './ci/prepare.mjs';
import { describeTimes, readRecords } from './ci/records.mjs';
import { chooseShard, estimateMinutes, listShard, readTable, shardCount } from './ci/shards.mjs';
import { formatTime, runChecks, runScript, staticChecks } from './ci/static.mjs';
import { findObstacle, isEssential, listUnits, tiers } from './ci/tiers.mjs';
import { provision, reportFailure, root } from './provision.mjs';

const usage = 'npm run check -- [--shard <0 to 7>] [--list] [--static]';
const flags = readFlags();
const shard = flags.shard === undefined ? chooseShard(root) : Number(flags.shard);
const wanted = flags.static ? [] : [...listUnits(root).filter(isEssential), ...announceShard()];

try {
  if (!flags.list) process.exitCode = await check();
} catch (error) {
  try {
    reportFailure(error);
  } finally {
    process.stdout.write('0 passed, 1 failed\n');
  }
}

function readFlags() {
  try {
    const options = {
      shard: { type: 'string' },
      list: { type: 'boolean' },
      static: { type: 'boolean' },
    };
    const { values } = parseArgs({ options });
    if (
      values.shard === undefined ||
      [...Array(shardCount).keys()].map(String).includes(values.shard)
    )
      return values;
    throw new Error(`--shard takes a number from 0 to ${shardCount - 1}`);
  } catch (error) {
    process.stderr.write(`error: ${error.message}\nnext: ${usage}\n`);
    process.exit(2);
  }
}

function announceShard() {
  const units = listShard(root, shard);
  const minutes = estimateMinutes(units, readTable(root)).toFixed(0);
  process.stderr.write(`shard ${shard} of 0 to ${shardCount - 1}, about ${minutes} minutes:\n`);
  for (const { id } of units) process.stderr.write(`  ${id}\n`);
  return units;
}

async function check() {
  const startedAt = Date.now();
  const steps = [];
  const measure = async (name, work) => {
    const since = Date.now();
    const outcome = await work();
    steps.push({ ...outcome, name, seconds: (Date.now() - since) / 1000 });
  };
  await measure('prepare', async () => {
    if (process.env.CI) installSystemPackages(wanted);
    await provision();
    return { passed: 0, failed: 0 };
  });
  const possible = wanted.filter((unit) => {
    const obstacle = findObstacle(unit);
    if (obstacle !== null) process.stderr.write(`left out: ${unit.id}: ${obstacle}\n`);
    return obstacle === null;
  });
  // What cannot be installed is one failure. The other tests run all the same.
  const unprepared = new Set();
  for (const tier of new Set(possible.filter(needsMore).map((unit) => unit.tier)))
    await measure(`prepare ${tier}`, async () => {
      const failures = await tryPreparing(tier);
      if (failures.length > 0) unprepared.add(tier);
      return { passed: 0, failed: failures.length, failures };
    });
  const units = possible.filter((unit) => !needsMore(unit) || !unprepared.has(unit.tier));

  const packed = makeFolder(join(root, '.perennial', 'package'));
  steps.push(...(await runChecks(root, staticChecks, { pack: ['--pack-destination', packed] })));
  // The test of the package packs it again where the check has failed.
  const tarball = readdirSync(packed).find((name) => name.endsWith('.tgz'));
  if (tarball !== undefined) process.env.PERENNIAL_TEST_PACKAGE = join(packed, tarball);

  const files = units.filter(({ tier }) => tier !== 'commands');
  const isAlone = ({ tier }) => tiers[tier].isAlone;
  for (const [name, some] of [
    ['tests', files.filter((unit) => !isAlone(unit))],
    ['tests, alone', files.filter(isAlone)],
  ])
    if (some.length > 0) await measure(name, () => runFiles(root, { units: some, retries: true }));
  for (const { command } of units.filter(({ tier }) => tier === 'commands'))
    steps.push(await runScript(root, command));
  process.stderr.write(`\n${describeTimes(readRecords(startedAt)).join('\n')}\n`);
  return report(steps);
}

async function tryPreparing(tier) {
  try {
    await prepareTier(tier);
    return [];
  } catch (error) {
    reportFailure(error);
    return [{ name: `preparing the tier ${tier}`, message: readCause(String(error?.message)) }];
  }
}

function makeFolder(path) {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { recursive: true });
  return path;
}

/**
 * The failures come last, because the middle of a long output is cut where CI shows it. The last
 * line counts each check without tests as one.
 */
function report(steps) {
  const collect = (key) => steps.flatMap((step) => step[key] ?? []);
  for (const line of [
    ...describeFailures('failed', collect('failures')),
    ...describeFailures('failed beside other tests and passed alone', collect('unstable'), 6),
  ])
    process.stderr.write(`${line}\n`);
  process.stderr.write(flags.static ? '\n' : `\nshard ${shard}:\n`);
  for (const { name, seconds, failed } of steps)
    process.stderr.write(
      `  ${name.padEnd(16)} ${failed === 0 ? 'passed' : 'FAILED'}  ${formatTime(seconds)}\n`,
    );
  const sum = (key) => steps.reduce((total, step) => total + step[key], 0);
  process.stdout.write(`${sum('passed')} passed, ${sum('failed')} failed\n`);
  return sum('failed') > 0 ? 1 : 0;
}
