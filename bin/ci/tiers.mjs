/**
 * The tiers of the tests, by the suffix of a test file (see jest.config.cjs), and the checks that
 * are commands. A unit is what runs, passes and fails as a whole: one file in one tier, or one
 * command.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkMachinesSee } from '../check-machines.mjs';
import { ProvisionError } from '../provision/children.mjs';
import { findChromium, noChromium } from '../provision/web/chromium.mjs';
import { root } from '../provision.mjs';

/**
 * `isAlone`: its files run with nothing beside them. The faults tier measures times of takeovers,
 * and two clusters of one engine on one machine could end each other's jobs. `packages` are those
 * of Debian that CI installs as root. `findObstacle` says why the tier cannot run here.
 */
export const tiers = {
  pure: { isAlone: false, packages: [], findObstacle: () => null },
  platform: { isAlone: false, packages: [], findObstacle: () => null },
  slow: { isAlone: false, packages: [], findObstacle: () => null },
  e2e: { isAlone: false, packages: [], findObstacle: () => null },
  web: { isAlone: false, packages: ['chromium'], findObstacle: findMissingChromium },
  clients: { isAlone: false, packages: [], findObstacle: () => null },
  llm: { isAlone: false, packages: ['chromium'], findObstacle: () => null },
  faults: { isAlone: true, packages: [], findObstacle: () => null },
  engines: { isAlone: true, packages: [], findObstacle: findMissingEngines },
  machines: { isAlone: true, packages: ['iproute2'], findObstacle: findMissingNetwork },
};

/** End-to-end files that the tier `machines` runs on several machines, too. */
const onMachines = ['spine', 'canary', 'language'].map((name) => `test/e2e/${name}.e2e.test.ts`);

/** Checks that read the sources or run them in another way than jest here. */
const commands = ['deploy:validate', 'test:node -- 22', 'test:node -- 24'];

/** Without these files no release is thinkable, so every run of CI has them. */
const essentialFiles = [
  'test/e2e/start.e2e.test.ts',
  'test/e2e/spine.e2e.test.ts',
  'test/e2e/canary.e2e.test.ts',
  'test/e2e/language.e2e.test.ts',
  'test/e2e/own-lifecycle.e2e.test.ts',
  'test/e2e/monitor.e2e.test.ts',
  'test/apps/web/pages.web.test.ts',
  'test/clients/package.clients.test.ts',
];

/** Tiers whose every file runs in every run of CI. */
const essentialTiers = ['pure', 'platform'];

/**
 * Every unit, sorted by id. The id is the path of the file, with its tier before it where the file
 * belongs to two.
 */
export function listUnits(folder) {
  const files = readdirSync(join(folder, 'test'), { recursive: true })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `test/${name.replaceAll('\\', '/')}`);
  const units = [
    ...files.map((file) => ({ id: file, tier: findTier(file), file })),
    ...onMachines.map((file) => ({ id: `machines:${file}`, tier: 'machines', file })),
    ...commands.map((command) => ({ id: `npm run ${command}`, tier: 'commands', command })),
  ];
  return units.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Whether every run of CI has this unit. The others take turns, see shards.mjs. */
export function isEssential({ id, tier }) {
  return essentialTiers.includes(tier) || essentialFiles.includes(id);
}

export function findTier(file) {
  const suffix = /\.([a-z0-9]+)\.test\.ts$/.exec(file)?.[1] ?? '';
  return suffix !== 'pure' && Object.hasOwn(tiers, suffix) ? suffix : 'pure';
}

/** Why this unit cannot run on this machine. Null if it can. */
export function findObstacle({ id, tier }) {
  // The pages of language applications need the models and the browser.
  if (tier === 'llm' && id.startsWith('test/apps/web/')) return findMissingChromium();
  return tiers[tier]?.findObstacle() ?? null;
}

function findMissingChromium() {
  return findChromium() === null ? noChromium : null;
}

/** The tests install Slurm where they may. */
function findMissingEngines() {
  if (isOnPath('slurmctld') && isOnPath('slurmd') && isOnPath('slurmrestd')) return null;
  if (isRoot() && isOnPath('apt-get')) return null;
  return 'Slurm is not installed, and only root on Debian or Ubuntu can install it';
}

function findMissingNetwork() {
  if (process.platform !== 'linux') return 'network namespaces need Linux';
  if (!isRoot()) return 'network namespaces need root';
  if (!isOnPath('ip')) return 'the program ip is missing; on Debian: apt-get install iproute2';
  try {
    checkMachinesSee([root, process.execPath]);
    return null;
  } catch (error) {
    if (error instanceof ProvisionError) return `${error.message}; ${error.next}`;
    throw error;
  }
}

export function isRoot() {
  return process.getuid?.() === 0;
}

export function isOnPath(program) {
  return spawnSync('/bin/sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0;
}
