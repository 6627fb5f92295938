/**
 * Preloaded by `node -r` before workers/main.ts and the process for SQL. Gateway, API, worker and
 * that process run from their bundle while it is current; other sources are compiled on loading.
 * Loading modules was most of the time until a killed gateway or worker was back, and half of the
 * processor time of a query.
 */
const { dirname, join } = require('node:path');
const { currentBundle, isService } = require('./current-bundle.cjs');
require('./quiet-aws-sdk.cjs');

const root = dirname(__dirname);
const [, main = '', command, ...rest] = process.argv;
const bundle = findBundle();

if (bundle === null) {
  process.setSourceMapsEnabled(true);
  require('tsx/cjs');
} else {
  // From Node 22.8 on, the next start reads compiled code from this cache.
  require('node:module').enableCompileCache?.(join(root, '.perennial', 'build', 'compiled'));
  require.extensions['.ts'] = () => require(bundle);
}

function findBundle() {
  if (main.endsWith(join('data', 'sql', 'user-sql-child.ts'))) return currentBundle(root, 'sql');
  return isService(command, rest) ? currentBundle(root, 'services') : null;
}
