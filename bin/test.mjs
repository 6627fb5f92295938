#!/usr/bin/env node
/**
 * `npm test [-- tier…]`: prepares the clone, runs the tests, and prints the numbers of passed and
 * failed tests as the last line. Other arguments are passed to jest.
 */
import { runJest } from './ci/jest.mjs';
import { prepareTier } from './ci/prepare.mjs';
import { tiers } from './ci/tiers.mjs';
import { ProvisionError } from './provision/children.mjs';
import { reportFailure, root } from './provision.mjs';

/** The tiers of a run that names none. */
const usual = ['pure', 'platform'];

try {
  process.exitCode = await test(process.argv.slice(2));
} catch (error) {
  reportFailure(error);
}

async function test(args) {
  const named = Object.keys(tiers).filter((tier) => args.includes(tier));
  for (const tier of named) {
    const obstacle = tiers[tier].findObstacle();
    if (obstacle !== null)
      throw new ProvisionError(`the tier ${tier} cannot run here: ${obstacle}`);
  }
  for (const tier of named.length > 0 ? named : usual) await prepareTier(tier);
  const selection = ['--selectProjects', ...(named.length > 0 ? named : usual)];
  if (named.some((tier) => tiers[tier].isAlone)) selection.push('--maxWorkers=1');
  const rest = args.filter((argument) => !named.includes(argument));
  const { passed, failed } = await runJest(root, { args: rest, selection, retries: false });
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed > 0 ? 1 : 0;
}
