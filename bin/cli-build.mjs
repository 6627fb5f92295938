/** The CLI as one file, so that a command starts in a fifth of a second. It is used only while it was built from exactly the sources that lie there; otherwise the sources run. */
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const usualFolder = (root) => join(root, '.perennial', 'build');

/** The path of the bundle, or null where there is none or a source has changed since. Looks at some 400 files, which takes milliseconds. */
export function currentCli(root, folder = usualFolder(root)) {
  try {
    const bundle = join(folder, 'cli.js');
    const inputs = Object.entries(JSON.parse(readFileSync(join(folder, 'cli.json'), 'utf8')));
    if (inputs.some(([path, state]) => stateOf(join(root, path)) !== state)) return null;
    return statSync(bundle).isFile() ? bundle : null;
  } catch {
    return null;
  }
}

/** The list of sources is written last: a build that was cut off is none. */
export async function buildCli(root, folder = usualFolder(root)) {
  const { build } = await import('esbuild');
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['workers/main.ts'],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    minifyWhitespace: true,
    minifySyntax: true,
    outfile: join(folder, 'cli.js'),
    banner: { js: "const folderOfSource = (path) => require('node:path').join(__dirname, path);" },
    external: nativePackages,
    plugins: [foldersOfSources(folder), platformProcesses],
    logLevel: 'silent',
  });
  mkdirSync(folder, { recursive: true });
  for (const { path, contents } of outputFiles) replaceFile(path, contents);
  const sources = Object.keys(metafile.inputs).filter((path) => !path.startsWith('node_modules/'));
  const inputs = [...sources, 'package.json', 'package-lock.json', 'bin/cli-build.mjs'];
  replaceFile(join(folder, 'cli.json'), JSON.stringify(Object.fromEntries(inputs.map((path) => [path, stateOf(join(root, path))]))));
}

/** Packages that load native code or files of their own; they are loaded from node_modules when a command needs them. */
const nativePackages = [
  '@aws-sdk/*',
  '@duckdb/*',
  '@temporalio/*',
  'libphonenumber-js',
  'node-llama-cpp',
  'onnxruntime-node',
  'piscina',
  'tsx',
];

/** `perennial up` and the processes of the platform run from their sources, so the CLI need not hold them. */
const platformProcesses = {
  name: 'platform-processes',
  setup(builder) {
    const processes =
      /^(\.\/(api|config|gateway|llm-server|llm-server-settings|log|model-providers|setup|worker)|\.\.\/infra\/up|\.\.\/apps\/cli\/demo(-llm)?)$/;
    builder.onResolve({ filter: processes }, ({ path, importer }) =>
      importer.endsWith('/workers/main.ts') ? { path, external: true } : null,
    );
  },
};

/** A source asks by `__dirname` for what lies beside it, and gets its own folder, not the bundle's. */
const foldersOfSources = (folder) => ({
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

function stateOf(path) {
  const { mtimeMs, size } = statSync(path);
  return `${mtimeMs} ${size}`;
}

function replaceFile(path, contents) {
  writeFileSync(`${path}.${process.pid}`, contents);
  renameSync(`${path}.${process.pid}`, path);
}
