/**
 * Installs Python clients that only the tests of gateway and API use into .perennial/clients,
 * pinned and verified by hash.
 */
import { join } from 'node:path';
import { mkdirSync } from 'node:fs';
import { provision, root } from '../provision.mjs';
import { closeWatch, run } from './children.mjs';
import { takeLock } from './lock.mjs';
import { checkMachine } from './machine.mjs';
import { openProgress } from './progress.mjs';
import { environmentIn, pipEnvironment } from './python.mjs';
import { digestOfFile } from './stamp.mjs';

/** MLServer has its own environment: see infra/clients/mlserver.txt. */
const environments = [
  { name: 'requirements', title: 'tritonclient, KServe, schemathesis' },
  { name: 'mlserver', title: 'MLServer' },
  { name: 'mlflow', title: 'MLflow' },
];

export async function provisionClients() {
  await provision();
  const folder = join(root, '.perennial', 'clients');
  if (steps(folder, null).every((step) => step.environment.done())) return;
  mkdirSync(folder, { recursive: true });
  const progress = openProgress();
  const release = await takeLock(join(folder, 'provision.lock'), () =>
    progress.say('Another process is installing the clients; waiting for it …'),
  );
  try {
    const python = checkMachine({ needsPython: true, folder, gigabytes: 2 });
    for (const { title, lock, environment } of steps(folder, python)) {
      if (environment.done()) continue;
      await progress.step(title, 'installing (only for tests) …', async () => {
        const interpreter = await environment.make();
        const args = [
          '-m',
          'pip',
          'install',
          '--quiet',
          '--no-compile',
          '--only-binary',
          ':all:',
          '--require-hashes',
          '--no-deps',
          '-r',
          lock,
        ];
        await run('cannot install the clients', interpreter, args, {
          env: pipEnvironment,
          next: `Remove ${environment.folder} and start again`,
        });
        environment.finish();
      });
    }
  } finally {
    await closeWatch();
    progress.close();
    release();
  }
}

function steps(folder, basePython) {
  return environments.map(({ name, title }) => {
    const lock = join(root, 'infra', 'clients', `${name}.lock`);
    return {
      title,
      lock,
      environment: environmentIn(join(folder, name), digestOfFile(lock), basePython),
    };
  });
}
