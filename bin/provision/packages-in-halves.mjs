/**
 * Installs npm packages in two folders. `runtime` has no optional packages, which may be gigabytes
 * of builds for other machines. The needed native packages are one level up, where Node looks next.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { installFromLock } from './packages.mjs';
import { digestOf, isStamped, stamp, unstamp } from './stamp.mjs';

/** `source` has the lock files: its own, and that of the native packages in `native`. */
export function packagesInHalvesStep({ title, doing, failed, source, folder }) {
  const installs = [
    { from: join(source, 'native'), to: folder, omit: [] },
    { from: source, to: join(folder, 'runtime'), omit: ['--omit=optional', '--omit=peer'] },
  ];
  const stampFile = join(folder, '.perennial-packages');
  const digest = digestOf(
    ...installs.map(({ from }) => readFileSync(join(from, 'package-lock.json'))),
  );
  return {
    title,
    doing,
    done: () =>
      isStamped(stampFile, digest) &&
      installs.every(({ to }) => existsSync(join(to, 'node_modules'))),
    async work() {
      unstamp(stampFile);
      for (const { from, to, omit } of installs) {
        mkdirSync(to, { recursive: true });
        for (const name of ['package.json', 'package-lock.json'])
          copyFileSync(join(from, name), join(to, name));
        // Without install scripts, which would compile sources when a binary does not load; the
        // step must fail instead.
        await installFromLock(failed, to, omit);
      }
      stamp(stampFile, digest);
    },
  };
}
