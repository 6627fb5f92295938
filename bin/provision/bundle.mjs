/**
 * Bundles the workflow code, so that the first start does not wait for it. Workers bundle it again
 * when the sources change.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './children.mjs';

export function bundleStep(root, cacheDir) {
  const folder = join(cacheDir, 'build');
  const code = `require('./workers/temporal/bundle').workflowBundle(${JSON.stringify(folder)}).catch((e) => { console.error(e); process.exit(1) })`;
  return {
    title: 'workflow code',
    doing: 'bundling …',
    done: () =>
      existsSync(folder) && readdirSync(folder).some((name) => /^workflows-.*\.js$/.test(name)),
    work: () =>
      run('cannot bundle the workflow code', process.execPath, ['-r', 'tsx/cjs', '-e', code], {
        cwd: root,
      }),
  };
}
