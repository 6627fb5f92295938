#!/usr/bin/env node
/**
 * `npm test [-- tier…]`: prepares the clone, runs the tests, and prints the numbers of passed and
 * failed tests as the last line. Other arguments are passed to jest.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { provision, reportFailure, root } from './provision.mjs';
import { provisionClients } from './provision/clients.mjs';
import { provisionEngines } from './provision/engines.mjs';
import { provisionLlm } from './provision/llm.mjs';

/**
 * Tiers by the suffix of a test file, see jest.config.cjs. Those beside the usual ones run by name:
 * `slow` files take 15 seconds or more, `e2e` and `faults` start the whole product for minutes,
 * `llm`, `clients` and `engines` download models, clients and job engines.
 */
const tiers = ['pure', 'platform', 'slow', 'e2e', 'faults', 'llm', 'clients', 'engines'];
const usual = ['pure', 'platform'];

try {
  await provision();
  if (process.argv.includes('llm')) await provisionLlm(['serving', 'training', 'clients']);
  if (process.argv.includes('clients')) await provisionClients();
  if (process.argv.includes('engines')) await provisionEngines();
  process.exitCode = await test(process.argv.slice(2));
} catch (error) {
  reportFailure(error);
}

async function test(args) {
  const resultFile = join(root, '.perennial', 'run', `test-${process.pid}.json`);
  mkdirSync(join(resultFile, '..'), { recursive: true });
  const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const named = tiers.filter((tier) => args.includes(tier));
  const rest = args.filter((argument) => !tiers.includes(argument));
  // The faults tier measures takeover times, which another product on the same cores would change.
  // Two clusters of one engine on this machine could end each other's jobs.
  const isAlone = named.some((tier) => tier === 'faults' || tier === 'engines');
  const alone = isAlone ? ['--maxWorkers=1'] : [];
  const selection = ['--selectProjects', ...(named.length > 0 ? named : usual), ...alone];
  const child = spawn(
    process.execPath,
    [jest, '--json', '--outputFile', resultFile, ...rest, ...selection],
    {
      cwd: root,
      // jest --json prints the result on stdout, which the file also has; the readable report is on
      // stderr.
      stdio: ['inherit', 'ignore', 'inherit'],
      env: { ...process.env, NODE_ENV: 'test' },
    },
  );
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  const code = await new Promise((resolve, reject) =>
    child.once('error', reject).once('close', (exit) => resolve(exit ?? 1)),
  );
  return report(code, resultFile);
}

/** A test file that did not load has no tests and counts as one failure. */
function report(code, resultFile) {
  let [passed, failed] = [0, code === 0 ? 0 : 1];
  try {
    const result = JSON.parse(readFileSync(resultFile, 'utf8'));
    const unloadable = result.testResults.filter(
      (file) => file.status === 'failed' && file.assertionResults.length === 0,
    ).length;
    passed = result.numPassedTests;
    failed = Math.max(result.numFailedTests + unloadable, failed);
  } catch (error) {
    process.stderr.write(`error: jest wrote no result: ${error.message}\n`);
    failed = Math.max(failed, 1);
  }
  rmSync(resultFile, { force: true });
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed > 0 || code !== 0 ? 1 : 0;
}
