/**
 * Preloaded by `node -r` before workers/main.ts: gateway, API and worker run from their bundle
 * while that is current, everything else is compiled as it is loaded. Callers wait for a gateway
 * that was killed, and a rollback waits for a worker; loading their modules took most of the time
 * until they were back.
 */
const { dirname, join } = require('node:path');
const { currentBundle, isService } = require('./current-bundle.cjs');

const root = dirname(__dirname);
const [, , command, ...rest] = process.argv;
const bundle = isService(command, rest) ? currentBundle(root, 'services') : null;

if (bundle === null) {
  process.setSourceMapsEnabled(true);
  require('tsx/cjs');
} else {
  // From Node 22.8 on, what was compiled once is read from there by the next start.
  require('node:module').enableCompileCache?.(join(root, '.perennial', 'build', 'compiled'));
  require.extensions['.ts'] = () => require(bundle);
}
