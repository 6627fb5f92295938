/** Runs the TypeScript sources in this process, so signals and exit codes need no forwarding. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from './provision.mjs';
import './quiet-aws-sdk.cjs';

/** Like `node --enable-source-maps -r tsx/cjs workers/main.ts …args`. */
export function runMain(args) {
  const main = join(root, 'workers', 'main.ts');
  process.argv = [process.argv[0], main, ...args];
  process.setSourceMapsEnabled(true);
  const require = createRequire(import.meta.url);
  require('tsx/cjs');
  require(main);
}

export function isInstalled() {
  try {
    createRequire(import.meta.url).resolve('tsx/cjs');
    return true;
  } catch {
    return false;
  }
}
