/** Runs jest, counts its tests, and runs a failed file once more where that is wanted. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { readFailures } from './failures.mjs';
import { tiers } from './tiers.mjs';

/** More failed files than this have another cause than a busy machine. */
const maxRetriedFiles = 8;
const oneWorker = '--maxWorkers=1';
const stopSignals = ['SIGINT', 'SIGTERM'];

/**
 * Runs units of jest: first those that run side by side, then those that run alone.
 * @param {{ units: readonly { tier: string, file: string }[], retries: boolean }} work
 */
export async function runFiles(root, { units, retries }) {
  const beside = units.filter(({ tier }) => !tiers[tier].isAlone);
  const alone = units.filter(({ tier }) => tiers[tier].isAlone);
  let sum = { passed: 0, failed: 0, failures: [], unstable: [] };
  for (const part of [beside, alone]) {
    if (part.length === 0) continue;
    const selection = ['--selectProjects', ...new Set(part.map(({ tier }) => tier))];
    if (part === alone) selection.push(oneWorker);
    const paths = ['--runTestsByPath', ...part.map(({ file }) => file)];
    const outcome = await runJest(root, { args: paths, selection, retries });
    sum = {
      passed: sum.passed + outcome.passed,
      failed: sum.failed + outcome.failed,
      failures: [...sum.failures, ...outcome.failures],
      unstable: [...sum.unstable, ...outcome.unstable],
    };
  }
  return sum;
}

/**
 * With `retries`, a file that failed runs once more, with nothing beside it: a busy machine can
 * break a bound in seconds. A test that fails twice is a failure, and one that passes alone is
 * named.
 */
export async function runJest(root, { args, selection, retries }) {
  const first = await runOnce(root, [...args, ...selection]);
  const { failedFiles } = first;
  if (!retries || failedFiles.length === 0 || failedFiles.length > maxRetriedFiles) return first;

  process.stderr.write(`\nrunning again, alone: ${failedFiles.join(', ')}\n`);
  const paths = ['--runTestsByPath', ...failedFiles];
  const alone = selection.includes(oneWorker) ? [] : [oneWorker];
  const second = await runOnce(root, [...paths, ...selection, ...alone]);
  const isUnstable = (file) => failedFiles.includes(file) && !second.failedFiles.includes(file);
  for (const file of failedFiles.filter(isUnstable))
    process.stderr.write(`unstable: ${file} failed beside other tests and passed alone\n`);
  return {
    ...second,
    passed: first.passedElsewhere + second.passed,
    unstable: first.failures.filter(({ file }) => isUnstable(file)),
  };
}

/** A test file that did not load has no tests and counts as one failure. */
async function runOnce(root, args) {
  const resultFile = join(root, '.perennial', 'run', `test-${process.pid}.json`);
  mkdirSync(join(resultFile, '..'), { recursive: true });
  const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const recording = ['--reporters=default', `--reporters=${root}/bin/ci/record-reporter.mjs`];
  const flags = ['--json', '--outputFile', resultFile, ...recording];
  const child = spawn(process.execPath, [jest, ...flags, ...args], {
    cwd: root,
    // jest --json prints the result on stdout, which the file also has; the readable report is on
    // stderr.
    stdio: ['inherit', 'ignore', 'inherit'],
    env: { ...process.env, NODE_ENV: 'test' },
  });
  const end = (signal) => child.kill(signal);
  for (const signal of stopSignals) process.on(signal, end);
  const code = await new Promise((resolve, reject) =>
    child.once('error', reject).once('close', (exit) => resolve(exit ?? 1)),
  );
  for (const signal of stopSignals) process.off(signal, end);
  try {
    return readOutcome(root, code, JSON.parse(readFileSync(resultFile, 'utf8')));
  } catch (error) {
    process.stderr.write(`error: jest wrote no result: ${error.message}\n`);
    const failures = [{ name: 'jest', message: `wrote no result: ${error.message}` }];
    return { passed: 0, failed: 1, passedElsewhere: 0, failedFiles: [], failures, unstable: [] };
  } finally {
    rmSync(resultFile, { force: true });
  }
}

function readOutcome(root, code, { numPassedTests, numFailedTests, testResults }) {
  const failedResults = testResults.filter((file) => file.status === 'failed');
  const unloadable = failedResults.filter((file) => file.assertionResults.length === 0).length;
  const passedBeside = failedResults
    .flatMap((file) => file.assertionResults)
    .filter((test) => test.status === 'passed').length;
  return {
    passed: numPassedTests,
    failed: Math.max(numFailedTests + unloadable, code === 0 ? 0 : 1),
    /** Passed tests of the files in which every test passed. */
    passedElsewhere: numPassedTests - passedBeside,
    failedFiles: failedResults.map((file) => relative(root, file.name)),
    failures: readFailures(root, testResults),
    /** The failures of the first run whose files passed alone. */
    unstable: [],
  };
}
