#!/usr/bin/env node
/**
 * `npm run provision:engines`: installs the engines that only the tests of the tier `engines`
 * start: Slurm from the packages of Debian or Ubuntu, and Ray into .perennial/engines, pinned and
 * verified by hash.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { provision, reportFailure, root } from '../provision.mjs';
import { closeWatch, endChildren, ProvisionError, run } from './children.mjs';
import { takeLock } from './lock.mjs';
import { checkMachine } from './machine.mjs';
import { openProgress } from './progress.mjs';
import { environmentIn, pipEnvironment } from './python.mjs';
import { digestOfFile } from './stamp.mjs';

/** Ray's environment has 300 MB, and pip's downloads need as much again. */
const neededGigabytes = 2;

const slurmPrograms = ['slurmctld', 'slurmd', 'slurmrestd', 'scontrol'];
const slurmPackages = [
  'slurmctld',
  'slurmd',
  'slurm-client',
  'slurmrestd',
  'slurm-wlm-jwt-plugin',
  'slurm-wlm-basic-plugins',
];

export async function provisionEngines() {
  await provision();
  const folder = join(root, '.perennial', 'engines');
  if (engineSteps(folder, null).every((step) => step.done())) return;
  mkdirSync(folder, { recursive: true });
  const progress = openProgress();
  const release = await takeLock(join(folder, 'provision.lock'), () =>
    progress.say('Another process is installing the engines; waiting for it …'),
  );
  const stop = (signal) => {
    endChildren();
    release();
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    const python = checkMachine({ needsPython: true, folder, gigabytes: neededGigabytes });
    for (const step of engineSteps(folder, python))
      if (!step.done()) await progress.step(step.title, step.doing, () => step.work());
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    await closeWatch();
    progress.close();
    release();
  }
}

function engineSteps(folder, basePython) {
  return [slurmStep(), rayStep(folder, basePython)];
}

/** Slurm has no wheels, so its programs come from the system's packages. */
function slurmStep() {
  return {
    title: 'Slurm',
    doing: `installing ${slurmPackages.join(', ')} …`,
    done: () => missingPrograms().length === 0,
    async work() {
      const apt = `apt-get install --no-install-recommends ${slurmPackages.join(' ')}`;
      const missing = `${missingPrograms().join(', ')} of Slurm are not installed`;
      if (!isOnPath('apt-get'))
        throw new ProvisionError(
          missing,
          'Install the daemons of Slurm with REST and JWT support by your package manager',
        );
      if (process.getuid?.() !== 0)
        throw new ProvisionError(`${missing}, and only root may install packages`, `sudo ${apt}`);
      const quiet = { env: { DEBIAN_FRONTEND: 'noninteractive' }, next: apt };
      await run('cannot read the list of packages', 'apt-get', ['-q', 'update'], quiet);
      await run(
        'cannot install Slurm',
        'apt-get',
        ['-q', 'install', '-y', '--no-install-recommends', ...slurmPackages],
        quiet,
      );
      const left = missingPrograms();
      if (left.length > 0)
        throw new ProvisionError(`${left.join(', ')} of Slurm are still not on the PATH`, apt);
    },
  };
}

function rayStep(folder, basePython) {
  const lock = join(root, 'infra', 'engines', 'ray.lock');
  const environment = environmentIn(join(folder, 'ray'), digestOfFile(lock), basePython);
  return {
    title: 'Ray',
    doing: 'installing ray[default] (300 MB) …',
    done: environment.done,
    async work() {
      const python = await environment.make();
      const args = ['-m', 'pip', 'install', '--quiet', '--no-compile', '--only-binary', ':all:'];
      await run(
        'cannot install Ray',
        python,
        [...args, '--require-hashes', '--no-deps', '-r', lock],
        { env: pipEnvironment, next: `Remove ${environment.folder} and start again` },
      );
      environment.finish();
    },
  };
}

function missingPrograms() {
  return slurmPrograms.filter((program) => !isOnPath(program));
}

function isOnPath(program) {
  return spawnSync('/bin/sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await provisionEngines().catch(reportFailure);
