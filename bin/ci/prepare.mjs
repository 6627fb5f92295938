/** Installs what tests need, beyond what every clone has. */
import { spawnSync } from 'node:child_process';
import { provision } from '../provision.mjs';
import { provisionClients } from '../provision/clients.mjs';
import { provisionEngines } from '../provision/engines.mjs';
import { provisionLlm } from '../provision/llm.mjs';
import { isOnPath, isRoot, tiers } from './tiers.mjs';

const provisions = {
  llm: () => provisionLlm(['serving', 'training', 'clients']),
  clients: provisionClients,
  engines: provisionEngines,
};

/** This file of the tier `clients` tries the package, and calls nothing from Python. */
const packageTest = 'test/clients/package.clients.test.ts';

/** Whether the tier of this unit installs something that it needs. */
export function needsMore({ id, tier }) {
  return Object.hasOwn(provisions, tier) && id !== packageTest;
}

export async function prepareTier(name) {
  await (provisions[name] ?? provision)();
}

/**
 * Installs the packages of Debian that the tiers of these units need. Only CI calls this, and only
 * root can install. Says what is missing otherwise; the tests that need it are left out then.
 */
export function installSystemPackages(units) {
  const names = new Set(units.map(({ tier }) => tier).filter((tier) => tier !== 'commands'));
  const wanted = [...names].filter((tier) => tiers[tier].findObstacle() !== null);
  const packages = [...new Set(wanted.flatMap((tier) => tiers[tier].packages))];
  if (packages.length === 0 || !isRoot() || !isOnPath('apt-get')) return;
  const options = {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  };
  const install = ['install', '-qq', '--yes', '--no-install-recommends', ...packages];
  for (const args of [['update', '-qq'], install]) {
    const { status, stderr } = spawnSync('apt-get', args, options);
    if (status !== 0) process.stderr.write(`apt-get ${args.join(' ')} failed:\n${stderr}\n`);
  }
}
