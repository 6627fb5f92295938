#!/usr/bin/env node
/**
 * Downloads what a new clone needs into node_modules/ and .perennial/, pinned and verified by hash.
 * Requires only Node and Python.
 */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleStep } from './provision/bundle.mjs';
import { cliStep } from './provision/cli.mjs';
import { closeWatch, endChildren, ProvisionError } from './provision/children.mjs';
import { takeLock } from './provision/lock.mjs';
import { checkMachine } from './provision/machine.mjs';
import { packagesStep } from './provision/packages.mjs';
import { pagesStep } from './provision/web/pages.mjs';
import { openProgress } from './provision/progress.mjs';
import { givenPythonStep, pythonStep } from './provision/python.mjs';
import { samplesStep } from './provision/samples.mjs';
import { serversStep, uvStep } from './provision/servers.mjs';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * A complete clone returns within milliseconds. An interrupted run is continued. A second process
 * waits for the first.
 */
export async function provision() {
  const cacheDir = join(root, '.perennial');
  mkdirSync(cacheDir, { recursive: true, mode: 0o700 });
  checkMachine({ needsPython: false, folder: null });
  if (isComplete(planSteps(cacheDir, null))) return;

  const progress = openProgress();
  const release = await takeLock(join(cacheDir, 'provision.lock'), () =>
    progress.say('Another process is preparing this clone; waiting for it …'),
  );
  const stop = (signal) => {
    endChildren();
    release();
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    const python = checkMachine({ needsPython: !process.env.PERENNIAL_PYTHON, folder: cacheDir });
    const steps = planSteps(cacheDir, python);
    if (isComplete(steps)) return;
    progress.say('Preparing this clone (once; everything is pinned and verified by hash):');
    await perform(steps, progress);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    await closeWatch();
    progress.close();
    release();
  }
}

function planSteps(cacheDir, basePython) {
  const given = process.env.PERENNIAL_PYTHON;
  const python = given ? givenPythonStep(given) : pythonStep(root, cacheDir, basePython);
  return {
    packages: packagesStep(root),
    python,
    servers: serversStep(root, cacheDir, python.interpreter),
    uv: uvStep(root, cacheDir, python.interpreter),
    samples: samplesStep(root, cacheDir, python.interpreter),
    bundle: bundleStep(root, cacheDir),
    cli: cliStep(root),
    pages: pagesStep(root),
  };
}

function isComplete(steps) {
  return Object.values(steps).every((step) => step.done());
}

/**
 * Runs npm and pip at the same time, since both mostly wait for the network. One failure ends all.
 */
async function perform(steps, progress) {
  const { packages, python, servers, uv, samples, bundle, cli, pages } = steps;
  const run = (step) =>
    step.done() ? undefined : progress.step(step.title, step.doing, () => step.work());
  const tracks = [
    (async () => (await run(packages), await run(bundle), await run(cli), await run(pages)))(),
    (async () => (await run(python), await run(samples)))(),
    (async () => (await run(servers), await run(uv)))(),
  ];
  try {
    await Promise.all(tracks);
  } catch (error) {
    endChildren();
    await Promise.allSettled(tracks);
    throw error;
  }
}

/** Prints the error without a stack trace. */
export function reportFailure(error) {
  if (!(error instanceof ProvisionError)) throw error;
  process.stderr.write(`error: ${error.message}\n${error.next ? `next: ${error.next}\n` : ''}`);
  process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await provision().catch(reportFailure);
