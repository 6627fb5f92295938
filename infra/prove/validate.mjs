#!/usr/bin/env node
/** `npm run deploy:validate`: checks the files of a deployment, see validate.py. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { closeWatch, run } from '../../bin/provision/children.mjs';
import { checkMachine } from '../../bin/provision/machine.mjs';
import { environmentIn, pipEnvironment } from '../../bin/provision/python.mjs';
import { digestOfFile } from '../../bin/provision/stamp.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const cacheDir = join(here, '..', '..', '.perennial');
mkdirSync(cacheDir, { recursive: true, mode: 0o700 });
const lock = join(here, 'requirements.lock');
const base = checkMachine({ needsPython: true, folder: cacheDir });
const environment = environmentIn(join(cacheDir, 'prove'), digestOfFile(lock), base);
const python = await environment.make();
if (!environment.done()) {
  const args = ['-m', 'pip', 'install', '--quiet', '--only-binary', ':all:', '--require-hashes'];
  await run('cannot install the tools', python, [...args, '-r', lock], { env: pipEnvironment });
  environment.finish();
}
await closeWatch();
const { status } = spawnSync(python, [join(here, 'validate.py')], { stdio: 'inherit' });
process.exitCode = status ?? 1;
