#!/usr/bin/env node
/**
 * `npm run provision:llm`: installs what only language applications need (models, data sets,
 * JavaScript and Python packages) into .perennial/llm and .perennial/python-llm. Runs on first use,
 * so that a plain start stays small. Everything is pinned and verified by hash.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { provision, reportFailure, root } from '../provision.mjs';
import { closeWatch, endChildren } from './children.mjs';
import { llmClientsStep } from './llm-clients.mjs';
import { llmFilesStep } from './llm-files.mjs';
import { llmPackagesStep } from './llm-packages.mjs';
import { llmPythonStep } from './llm-python.mjs';
import { takeLock } from './lock.mjs';
import { checkMachine } from './machine.mjs';
import { openProgress } from './progress.mjs';

/**
 * Runtime, models and data need 0.5 GB. The Python environment needs 1.4 GB with PyTorch's CPU
 * build and up to 6 GB with the CUDA build.
 */
const neededGigabytes = 4;

/**
 * @param parts `serving` answers and searches, `training` fine-tunes, `clients` is only for tests.
 */
export async function provisionLlm(parts = ['serving', 'training']) {
  await provision();
  const cacheDir = join(root, '.perennial');
  const steps = planSteps(cacheDir, null);
  if (isComplete(steps, parts)) return;

  mkdirSync(join(cacheDir, 'llm'), { recursive: true });
  const progress = openProgress();
  const release = await takeLock(join(cacheDir, 'provision-llm.lock'), () =>
    progress.say('Another process is installing the LLM parts; waiting for it …'),
  );
  const stop = (signal) => {
    endChildren();
    release();
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    const python = checkMachine({
      needsPython: parts.includes('training'),
      folder: cacheDir,
      gigabytes: neededGigabytes,
    });
    const wanted = planSteps(cacheDir, python);
    if (isComplete(wanted, parts)) return;
    progress.say('Installing the LLM parts (once; everything is pinned and verified by hash):');
    await perform(parts, wanted, progress);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    await closeWatch();
    progress.close();
    release();
  }
}

/** In order: preparing the files needs the dictionary in the packages. */
function planSteps(cacheDir, basePython) {
  return {
    serving: [llmPackagesStep(root, cacheDir), llmFilesStep(root, cacheDir)],
    training: [llmPythonStep(root, cacheDir, basePython)],
    clients: [llmClientsStep(root, cacheDir)],
  };
}

function isComplete(steps, parts) {
  return parts.every((part) => steps[part].every((step) => step.done()));
}

async function perform(parts, steps, progress) {
  const tracks = parts.map(async (part) => {
    for (const step of steps[part])
      if (!step.done()) await progress.step(step.title, step.doing, () => step.work());
  });
  try {
    await Promise.all(tracks);
  } catch (error) {
    endChildren();
    await Promise.allSettled(tracks);
    throw error;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await provisionLlm().catch(reportFailure);
