/**
 * Bundles the CLI in one file, gateway, API and worker together in another, and the process for SQL
 * in a third. A command then starts in 0.2 s and modules load in a quarter of the time. A bundle is
 * used only while its sources are unchanged.
 */
import { createRequire } from 'node:module';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { buildFolder, codeSuffix, currentBundle, stateOf } from './current-bundle.cjs';

export const currentCli = (root, folder = buildFolder(root)) => currentBundle(root, 'cli', folder);
export const currentServices = (root, folder = buildFolder(root)) =>
  currentBundle(root, 'services', folder);
export const currentSql = (root, folder = buildFolder(root)) => currentBundle(root, 'sql', folder);

const sources = {
  cli: 'workers/main.ts',
  services: 'workers/main.ts',
  sql: 'data/sql/user-sql-child.ts',
};

/** Modules that workers/main.ts loads for commands outside of a bundle. */
const elsewhere = {
  /**
   * `perennial up` and the platform's processes run from their sources, so the CLI leaves them out.
   */
  cli: /^(\.\/(api|config|gateway|llm-server|llm-server-settings|log|model-providers|project\/process|setup|worker)|\.\.\/infra\/up|\.\.\/apps\/cli\/demo(-llm|-year)?)$/,
  services:
    /^(\.\/(cli-[a-z-]+|llm-server|llm-server-settings|setup)|\.\.\/infra\/up|\.\.\/apps\/cli\/(context|demo|demo-llm|demo-year|main|terminal))$/,
};

/** Defines what `foldersOfSources` calls. */
export const folderBanner =
  "const folderOfSource = (path) => require('node:path').join(__dirname, path);";

export const buildCli = (root, folder = buildFolder(root)) => buildBundle(root, 'cli', folder);
export const buildServices = (root, folder = buildFolder(root)) =>
  buildBundle(root, 'services', folder);
export const buildSql = (root, folder = buildFolder(root)) => buildBundle(root, 'sql', folder);

/** The list of sources is written last, so an interrupted build does not count. */
async function buildBundle(root, name, folder) {
  const { build } = await import('esbuild');
  const startedAt = Date.now();
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: [sources[name]],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    // runBundle runs bundles from stored code, in which Node refuses import().
    supported: { 'dynamic-import': false },
    minifyWhitespace: true,
    minifySyntax: true,
    outfile: join(folder, `${name}.js`),
    banner: { js: folderBanner },
    external: nativePackages,
    plugins: [
      foldersOfSources(folder),
      ...(name in elsewhere ? [without(elsewhere[name])] : []),
      loadedOnUse(root),
    ],
    logLevel: 'silent',
  });
  mkdirSync(folder, { recursive: true });
  rmSync(join(folder, `${name}.json`), { force: true });
  for (const old of readdirSync(folder))
    if (old.startsWith(`${name}.js.`) && old.endsWith(`.${codeSuffix}`))
      rmSync(join(folder, old), { force: true });
  for (const { path, contents } of outputFiles) replaceFile(path, contents);
  const read = Object.keys(metafile.inputs).filter(
    (path) => !/(^|\/)node_modules\/|^loaded-on-use:/.test(path),
  );
  // An installed package has no package-lock.json.
  const inputs = [...read, 'package.json', 'package-lock.json', 'bin/cli-build.mjs'].filter(
    (path) => existsSync(join(root, path)),
  );
  // A source was edited during the build, so the bundle may be old. Without a list it is not used.
  if (inputs.some((path) => statSync(join(root, path)).mtimeMs > startedAt)) return;
  replaceFile(
    join(folder, `${name}.json`),
    JSON.stringify(Object.fromEntries(inputs.map((path) => [path, stateOf(join(root, path))]))),
  );
}

/** Packages with native code or files of their own are loaded from node_modules when needed. */
const nativePackages = [
  '@aws-sdk/*',
  '@duckdb/*',
  '@fastify/swagger-ui',
  // An ES module of 700 files, for workers with jobs on Kubernetes alone.
  '@kubernetes/client-node',
  '@temporalio/*',
  'esbuild',
  'libphonenumber-js',
  'node-llama-cpp',
  'onnxruntime-node',
  'piscina',
  'tsx',
  'typescript',
];

/**
 * Packages that few commands or tasks need. Loading them is a third of the start time of a worker
 * and of a command.
 */
const rarelyUsed = [
  '@duckdb/node-api',
  'libphonenumber-js',
  'onnxruntime-node',
  'piscina',
  'undici',
  'yaml',
];

/** Loads such a package when one of its exports is first used, not when a module imports it. */
const loadedOnUse = (root) => ({
  name: 'loaded-on-use',
  setup(builder) {
    const require = createRequire(join(root, 'package.json'));
    builder.onResolve({ filter: /^[@a-z]/ }, ({ path, kind, namespace }) =>
      rarelyUsed.includes(path) && kind === 'import-statement' && namespace === 'file'
        ? { path, namespace: 'loaded-on-use' }
        : null,
    );
    builder.onLoad({ filter: /.*/, namespace: 'loaded-on-use' }, ({ path }) => {
      const names = Object.keys(require(path)).filter((name) => name !== 'default');
      const getters = [
        'get default() { return load().default ?? load(); }',
        ...names.map((name) => `get ${name}() { return load().${name}; }`),
      ];
      return {
        contents: `let loaded;
const load = () => (loaded ??= require(${JSON.stringify(path)}));
module.exports = { ${getters.join(', ')} };
Object.defineProperty(module.exports, '__esModule', { value: true });`,
        resolveDir: root,
      };
    });
  },
});

const without = (modules) => ({
  name: 'modules-of-other-commands',
  setup(builder) {
    builder.onResolve({ filter: modules }, ({ path, importer }) =>
      importer.endsWith('/workers/main.ts') ? { path, external: true } : null,
    );
  },
});

/** In a bundle, `__dirname` of a source stays the folder of the source. */
export const foldersOfSources = (folder) => ({
  name: 'folders-of-sources',
  setup(builder) {
    builder.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      if (!text.includes('__dirname')) return null;
      const own = JSON.stringify(relative(folder, dirname(path)));
      return { contents: text.replaceAll('__dirname', `folderOfSource(${own})`), loader: 'ts' };
    });
  },
});

function replaceFile(path, contents) {
  writeFileSync(`${path}.${process.pid}`, contents);
  renameSync(`${path}.${process.pid}`, path);
}
