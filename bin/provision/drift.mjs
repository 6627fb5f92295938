#!/usr/bin/env node
/**
 * `npm run provision:drift`: installs Evidently and NannyML, with which `npm run bench -- drift`
 * compares the monitor, each into an environment of its own in .perennial/drift-tools.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { provision, reportFailure, root } from '../provision.mjs';
import { closeWatch, run } from './children.mjs';
import { checkMachine } from './machine.mjs';
import { openProgress } from './progress.mjs';
import { environmentIn, pipEnvironment } from './python.mjs';
import { digestOfFile } from './stamp.mjs';

/** Both bring pandas, SciPy and scikit-learn. */
const neededGigabytes = 2;
const tools = ['evidently', 'nannyml'];

async function provisionDriftTools() {
  await provision();
  const folder = join(root, '.perennial', 'drift-tools');
  mkdirSync(folder, { recursive: true });
  const basePython = checkMachine({ needsPython: true, folder, gigabytes: neededGigabytes });
  const progress = openProgress();
  try {
    for (const tool of tools) {
      const requirements = join(root, 'bench', 'drift', `${tool}.txt`);
      const environment = environmentIn(join(folder, tool), digestOfFile(requirements), basePython);
      if (environment.done()) continue;
      await progress.step(tool, `installing ${tool} …`, async () => {
        const python = await environment.make();
        const args = ['-m', 'pip', 'install', '--quiet', '--only-binary', ':all:'];
        await run(`cannot install ${tool}`, python, [...args, '-r', requirements], {
          env: pipEnvironment,
          next: `Remove ${environment.folder} and start again`,
        });
        environment.finish();
      });
    }
  } finally {
    await closeWatch();
    progress.close();
  }
}

await provisionDriftTools().catch(reportFailure);
