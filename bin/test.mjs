#!/usr/bin/env node
/**
 * `npm test [-- tier…]`: prepares the clone, runs the tests, and prints the numbers of passed and
 * failed tests as the last line. Other arguments are passed to jest.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { checkMachinesSee } from './check-machines.mjs';
import { provision, reportFailure, root } from './provision.mjs';
import { provisionClients } from './provision/clients.mjs';
import { provisionEngines } from './provision/engines.mjs';
import { findChromium, noChromium } from './provision/web/chromium.mjs';
import { ProvisionError } from './provision/children.mjs';
import { provisionLlm } from './provision/llm.mjs';

/**
 * Tiers by the suffix of a test file, see jest.config.cjs. Those beside the usual ones run by name:
 * `slow` files take 15 seconds or more, `e2e` and `faults` start the whole product for minutes,
 * `llm`, `clients` and `engines` download models, clients and job engines, `machines` needs root on
 * Linux, and `web` needs Chromium. With `--web-if-possible` the last is left out without it.
 */
const tiers = [
  'pure',
  'platform',
  'slow',
  'e2e',
  'faults',
  'llm',
  'clients',
  'engines',
  'machines',
  'web',
];
const usual = ['pure', 'platform'];

/**
 * With this flag a file that failed runs once more, with nothing beside it. A busy machine can break
 * a bound in seconds. A test that fails twice is a failure, and one that passes alone is named.
 */
const retryFailed = '--retry-failed';
/** More failed files than this have another cause than a busy machine. */
const maxRetriedFiles = 8;
const webIfPossible = '--web-if-possible';
const stopSignals = ['SIGINT', 'SIGTERM'];

try {
  if (process.argv.includes('machines')) checkMachinesSee([root, process.execPath]);
  await provision();
  if (process.argv.includes('llm')) await provisionLlm(['serving', 'training', 'clients']);
  if (process.argv.includes('clients')) await provisionClients();
  if (process.argv.includes('engines')) await provisionEngines();
  process.exitCode = await test(process.argv.slice(2));
} catch (error) {
  reportFailure(error);
}

async function test(args) {
  const named = tiers.filter((tier) => args.includes(tier));
  const chromium = findChromium();
  if (args.includes(webIfPossible)) {
    if (chromium !== null) named.push('web');
    else process.stderr.write(`the tests of the pages are left out: ${noChromium}\n`);
  } else if (named.includes('web') && chromium === null) throw new ProvisionError(noChromium);
  const retries = args.includes(retryFailed);
  const own = [...tiers, retryFailed, webIfPossible];
  const rest = args.filter((argument) => !own.includes(argument));
  // The faults tier measures takeover times, which another product on the same cores would change.
  // Two clusters of one engine on this machine could end each other's jobs.
  const isAlone = named.some((tier) => ['faults', 'engines', 'machines'].includes(tier));
  const alone = isAlone ? ['--maxWorkers=1'] : [];
  const selection = ['--selectProjects', ...(named.length > 0 ? named : usual)];
  const first = await runJest([...rest, ...selection, ...alone]);
  const { failedFiles } = first;
  if (!retries || failedFiles.length === 0 || failedFiles.length > maxRetriedFiles)
    return report(first);

  process.stderr.write(`\nrunning again, alone: ${failedFiles.join(', ')}\n`);
  const paths = ['--runTestsByPath', ...failedFiles];
  const second = await runJest([...paths, ...selection, '--maxWorkers=1']);
  const unstable = failedFiles.filter((file) => !second.failedFiles.includes(file));
  for (const file of unstable)
    process.stderr.write(`unstable: ${file} failed beside other tests and passed alone\n`);
  return report({ ...second, passed: first.passedElsewhere + second.passed });
}

/** Runs jest once. A test file that did not load has no tests and counts as one failure. */
async function runJest(args) {
  const resultFile = join(root, '.perennial', 'run', `test-${process.pid}.json`);
  mkdirSync(join(resultFile, '..'), { recursive: true });
  const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const child = spawn(process.execPath, [jest, '--json', '--outputFile', resultFile, ...args], {
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
    return outcome(code, JSON.parse(readFileSync(resultFile, 'utf8')));
  } catch (error) {
    process.stderr.write(`error: jest wrote no result: ${error.message}\n`);
    return { passed: 0, failed: 1, passedElsewhere: 0, failedFiles: [] };
  } finally {
    rmSync(resultFile, { force: true });
  }
}

function outcome(code, { numPassedTests, numFailedTests, testResults }) {
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
  };
}

function report({ passed, failed }) {
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed > 0 ? 1 : 0;
}
