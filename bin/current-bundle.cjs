/**
 * Bundles of our sources in .perennial/build, see cli-build.mjs. CommonJS, so that it can be loaded
 * before anything is compiled.
 */
const { readFileSync, statSync } = require('node:fs');
const { join } = require('node:path');

exports.buildFolder = (root) => join(root, '.perennial', 'build');

/**
 * The path of a bundle, or null where there is none or a source has changed since. Looks at some
 * 400 files, which takes milliseconds.
 */
exports.currentBundle = (root, name, folder = exports.buildFolder(root)) => {
  try {
    const bundle = join(folder, `${name}.js`);
    const inputs = Object.entries(JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')));
    if (inputs.some(([path, state]) => exports.stateOf(join(root, path)) !== state)) return null;
    return statSync(bundle).isFile() ? bundle : null;
  } catch {
    return null;
  }
};

/**
 * Whether a command is a process that is in the bundle `services`; usage and mistakes are for the
 * sources to explain.
 */
exports.isService = (command, args) =>
  (command === 'worker' && (args.length === 0 || args[0] === '--queue')) ||
  (['api', 'gateway'].includes(command) && args.length === 0);

exports.stateOf = (path) => {
  const { mtimeMs, size } = statSync(path);
  return `${mtimeMs} ${size}`;
};
