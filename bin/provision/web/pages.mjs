/**
 * Builds the pages that the API serves (apps/web) into `.perennial/build/web`. The npm package
 * contains them built, in `dist/web`.
 */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { ProvisionError } from '../children.mjs';
import { digestOf, isStamped, stamp } from '../stamp.mjs';

export function pagesStep(root, folder = join(root, '.perennial', 'build', 'web')) {
  const sources = join(root, 'apps', 'web');
  const stampFile = join(folder, '.sources');
  return {
    title: 'pages',
    doing: 'building …',
    done: () => !existsSync(join(sources, 'index.html')) || isStamped(stampFile, digest(root)),
    async work() {
      const before = digest(root);
      const made = `${folder}.${process.pid}`;
      try {
        await buildPages(sources, made);
      } catch (error) {
        rmSync(made, { recursive: true, force: true });
        throw new ProvisionError(`cannot build the pages: ${error.message}`);
      }
      stamp(join(made, '.sources'), before);
      rmSync(folder, { recursive: true, force: true });
      renameSync(made, folder);
    },
  };
}

async function buildPages(sources, outDir) {
  const { build } = await import('vite');
  await build({
    root: sources,
    configFile: join(sources, 'vite.config.mjs'),
    logLevel: 'warn',
    build: { outDir, emptyOutDir: true },
  });
  for (const path of filesBelow(outDir)) compress(path);
}

/** Next to each file, as the API sends it to browsers that accept it. */
function compress(path) {
  if (!['.html', '.js', '.css', '.svg'].includes(extname(path))) return;
  const bytes = readFileSync(path);
  const params = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }));
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
}

/** Of everything that the built files depend on. */
function digest(root) {
  const paths = [
    ...filesBelow(join(root, 'apps', 'web')),
    // The pages import rules of the domain.
    ...filesBelow(join(root, 'domain')),
    join(root, 'package-lock.json'),
    join(root, 'bin', 'provision', 'web', 'pages.mjs'),
  ].filter((path) => existsSync(path));
  return digestOf(...paths.flatMap((path) => [path.slice(root.length), readFileSync(path)]));
}

function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
