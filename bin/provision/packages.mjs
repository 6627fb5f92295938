/** Installs npm packages exactly as in the lock file. */
import { existsSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { run } from './children.mjs';
import { digestOfFile, isStamped, stamp } from './stamp.mjs';

export function packagesStep(root) {
  // npm installed the packages of an installed Perennial with it.
  if (isInstalledPackage(root))
    return { title: 'npm packages', doing: '', done: () => true, work: async () => undefined };
  const stampFile = join(root, 'node_modules', '.perennial-lock');
  const digest = digestOfFile(join(root, 'package-lock.json'));
  return {
    title: 'npm packages',
    doing: 'installing 670 packages …',
    done() {
      if (isStamped(stampFile, digest)) return true;
      if (!installedMatchesLock(root)) return false;
      stamp(stampFile, digest); // the user ran npm
      return true;
    },
    async work() {
      await installFromLock('cannot install the npm packages', root, [
        '--include=dev',
        '--include=optional',
      ]);
      stamp(stampFile, digest);
    },
  };
}

/** Whether this is a package in the node_modules of a project, and not a clone. */
function isInstalledPackage(root) {
  return root.split(sep).includes('node_modules');
}

/**
 * Runs `npm ci` in a folder, independent of the user's settings on omitted packages. Install
 * scripts do not run, and no package needs one (test/bin/dependencies.test.ts).
 */
export async function installFromLock(failed, folder, flags) {
  const npm = process.env.npm_execpath?.endsWith('.js')
    ? [process.execPath, process.env.npm_execpath]
    : ['npm'];
  const args = [
    ...npm.slice(1),
    'ci',
    ...flags,
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  const env = { NODE_ENV: '' };
  await run(failed, npm[0], args, {
    cwd: folder,
    env,
    next: `Run \`npm ci\` in ${folder} to see more, then start again`,
  });
}

/**
 * Compares with npm's own list of installed packages, which npm writes last. This also detects a
 * folder from another machine.
 */
function installedMatchesLock(root) {
  const notes = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(notes)) return false;
  const installed = JSON.parse(readFileSync(notes, 'utf8')).packages;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '' || entry.link) return true;
    const there = installed[path];
    if (there) return there.version === entry.version && existsSync(join(root, path));
    return Boolean(entry.optional) && !(entry.os || entry.cpu ? fitsMachine(entry) : false);
  });
}

function fitsMachine({ os, cpu, libc }) {
  return (
    (!os || os.includes(process.platform)) &&
    (!cpu || cpu.includes(process.arch)) &&
    (!libc || libc.includes('glibc'))
  );
}
