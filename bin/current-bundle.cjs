/**
 * Finds current bundles in .perennial/build, see cli-build.mjs. CommonJS, so that it loads before
 * anything is compiled.
 */
const { createHash } = require('node:crypto');
const { existsSync, readFileSync, renameSync, statSync, writeFileSync } = require('node:fs');
const Module = require('node:module');
const { dirname, join } = require('node:path');
const vm = require('node:vm');

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

/** The command line of an installed package, whose sources do not change; null in a clone. */
exports.packedCli = (root) => {
  const bundle = join(root, 'dist', 'cli.js');
  return !existsSync(join(root, 'package-lock.json')) && existsSync(bundle) ? bundle : null;
};

/**
 * Runs a bundle like `require`, with the compiled code that an earlier process has stored beside
 * it: to compile takes half of a command's time. V8 refuses the code of another version of V8, but
 * compares only the lengths of sources, so the name of the file has the digest of the bundle. The
 * bundle must not use `import()`.
 */
exports.runBundle = (bundle) => {
  const bytes = readFileSync(bundle);
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  const codeFile = `${bundle}.${digest}.${exports.codeSuffix}`;
  const cachedData = readIfThere(codeFile);
  const script = new vm.Script(Module.wrap(bytes.toString('utf8')), {
    filename: bundle,
    cachedData,
  });
  // At the end, so that the functions which the command has used are compiled too.
  if (cachedData === undefined || script.cachedDataRejected)
    process.once('exit', () => writeIfPossible(codeFile, script.createCachedData()));
  const module = { exports: {} };
  const run = script.runInThisContext();
  run(module.exports, Module.createRequire(bundle), module, bundle, dirname(bundle));
};

exports.codeSuffix = 'code';

function readIfThere(path) {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/** The folder of an installed package may be read-only. */
function writeIfPossible(path, bytes) {
  try {
    writeFileSync(`${path}.${process.pid}`, bytes);
    renameSync(`${path}.${process.pid}`, path);
  } catch {
    // The next command compiles again.
  }
}

/** Whether the bundle `services` has the process of a command. The sources report usage errors. */
exports.isService = (command, args) =>
  (command === 'worker' && (args.length === 0 || args[0] === '--queue')) ||
  command === 'project-worker' ||
  (['api', 'gateway'].includes(command) && args.length === 0);

exports.stateOf = (path) => {
  const { mtimeMs, size } = statSync(path);
  return `${mtimeMs} ${size}`;
};
