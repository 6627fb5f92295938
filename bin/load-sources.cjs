/**
 * Preloaded by `node -r` before workers/main.ts. Gateway, API and worker run from their bundle
 * while it is current; other sources are compiled on loading. Loading modules was most of the time
 * until a killed gateway or worker was back.
 */
const { dirname, join } = require('node:path');
const { currentBundle, isService } = require('./current-bundle.cjs');
require('./quiet-aws-sdk.cjs');

const root = dirname(__dirname);
const [, , command, ...rest] = process.argv;
const bundle = isService(command, rest) ? currentBundle(root, 'services') : null;

if (bundle === null) {
  process.setSourceMapsEnabled(true);
  require('tsx/cjs');
} else {
  // From Node 22.8 on, the next start reads compiled code from this cache.
  require('node:module').enableCompileCache?.(join(root, '.perennial', 'build', 'compiled'));
  require.extensions['.ts'] = () => require(bundle);
}
