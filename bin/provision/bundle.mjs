/**
 * The workflow code as one file. Workers make it themselves when the sources have changed; made
 * here, the first start does not wait for it.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './children.mjs';

export function bundleStep(root, cacheDir) {
  const folder = join(cacheDir, 'build');
  const code = `require('./workers/bundle').workflowBundle(${JSON.stringify(folder)}).catch((e) => { console.error(e); process.exit(1) })`;
  return {
    title: 'workflow code',
    doing: 'bundling …',
    done: () =>
      existsSync(folder) && readdirSync(folder).some((name) => /^workflows-.*\.js$/.test(name)),
    work: () =>
      run(
        'the workflow code could not be bundled',
        process.execPath,
        ['-r', 'tsx/cjs', '-e', code],
        { cwd: root },
      ),
  };
}
