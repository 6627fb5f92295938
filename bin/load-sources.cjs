/**
 * Preloaded by `node -r` before workers/main.ts: the gateway runs from its bundle while that is current, everything else is compiled as it is loaded. A
 * gateway that was killed is awaited by callers, and its 1,400 modules took most of the time until it was back.
 */
const { dirname } = require('node:path');
const { currentBundle } = require('./current-bundle.cjs');

const root = dirname(__dirname);
const [, , command, ...rest] = process.argv;
const bundle = command === 'gateway' && rest.length === 0 ? currentBundle(root, 'gateway') : null;

if (bundle === null) require('tsx/cjs');
else require.extensions['.ts'] = () => require(bundle);
