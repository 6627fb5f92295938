/**
 * Finds current bundles in .perennial/build, see cli-build.mjs. CommonJS, so that it loads before
 * anything is compiled.
 */
const { readFileSync, statSync } = require('node:fs');
const { join } = require('node:path');

exports.buildFolder = (root) => join(root, '.perennial', 'build');

/**
 * The path of a bundle, or null when it does not exist or a source has changed. Checks about 400
 * files in a few milliseconds.
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

/** Whether the bundle `services` has the process of a command. The sources report usage errors. */
exports.isService = (command, args) =>
  (command === 'worker' && (args.length === 0 || args[0] === '--queue')) ||
  command === 'project-worker' ||
  (['api', 'gateway'].includes(command) && args.length === 0);

exports.stateOf = (path) => {
  const { mtimeMs, size } = statSync(path);
  return `${mtimeMs} ${size}`;
};
