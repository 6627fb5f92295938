/**
 * `npm run pack` runs this: compiles the entry points of the package to `dist/`, with their types,
 * and the command line. The platform itself runs from its sources, as in a clone.
 */
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';
import ts from 'typescript';

const root = resolve(__dirname, '..');
const dist = join(root, 'dist');
const entries = ['index', 'workflow', 'testing', 'client'];

async function main(): Promise<void> {
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist);
  // An ES module, which this CommonJS program can only load with import().
  const { buildCli, folderBanner, foldersOfSources } = (await import(
    join(root, 'bin', 'cli-build.mjs')
  )) as {
    readonly buildCli: (root: string, folder: string) => Promise<void>;
    readonly folderBanner: string;
    readonly foldersOfSources: (folder: string) => Plugin;
  };
  const options = {
    absWorkingDir: root,
    outdir: dist,
    bundle: true,
    packages: 'external',
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    logLevel: 'warning',
  } as const;
  // Temporal's sandbox has no module of Node, so this entry has no banner.
  await build({ ...options, entryPoints: ['sdk/workflow.ts'] });
  await build({
    ...options,
    entryPoints: ['sdk/index.ts', 'sdk/testing.ts', 'sdk/client.ts'],
    banner: { js: folderBanner },
    plugins: [foldersOfSources(dist)],
  });
  await buildCli(root, dist);
  // The list of unchanged sources, which only a clone needs.
  rmSync(join(dist, 'cli.json'), { force: true });
  writeTypes();
  checkTypes();
  await writePages();
  copyFileSync(join(root, 'package-lock.json'), join(dist, 'libraries.lock'));
}

/** The pages that the API serves. The package has no sources of them. */
async function writePages(): Promise<void> {
  const { pagesStep } = (await import(join(root, 'bin', 'provision', 'web', 'pages.mjs'))) as {
    readonly pagesStep: (root: string, folder: string) => { readonly work: () => Promise<void> };
  };
  await pagesStep(root, join(dist, 'web')).work();
}

/** The declarations that the entry points reach, at the paths of their sources. */
function writeTypes(): void {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) =>
    ts.sys.readFile(path),
  ) as { readonly config: unknown };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const sources = entries.map((name) => join(root, 'sdk', `${name}.ts`));
  const program = ts.createProgram(sources, {
    ...options,
    noEmit: false,
    incremental: false,
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: root,
    outDir: join(dist, 'types'),
  });
  const reached = new Set(sources);
  for (const path of reached) {
    const text = printDeclarations(program, path);
    for (const [, specifier = ''] of text.matchAll(/(?:from|import\() ?['"](\.[^'"]+)['"]/g)) {
      const to = resolve(dirname(path), specifier);
      const source = [`${to}.ts`, `${to}.d.ts`, join(to, 'index.ts')].find((each) =>
        program.getSourceFile(each),
      );
      if (source === undefined) throw new Error(`${path} imports ${specifier}, which is not found`);
      reached.add(source);
    }
    const to = join(dist, 'types', relative(root, path).replace(/(\.d)?\.ts$/, '.d.ts'));
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, text);
  }
}

/** A user's compiler must understand the declarations without the sources. */
function checkTypes(): void {
  const types = join(dist, 'types');
  const program = ts.createProgram(
    entries.map((name) => join(types, 'sdk', `${name}.d.ts`)),
    {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.Node20,
      moduleResolution: ts.ModuleResolutionKind.Node16,
      types: ['node'],
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      // Of our own declarations only: those of libraries are not ours to mend.
      skipLibCheck: false,
    },
  );
  const own = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(types));
  const diagnostics = own.flatMap((file) => [...program.getSemanticDiagnostics(file)]);
  if (diagnostics.length > 0) throw new Error(formatDiagnostics(diagnostics));
}

function formatDiagnostics(diagnostics: readonly ts.Diagnostic[]): string {
  return ts.formatDiagnostics(diagnostics, {
    getCanonicalFileName: (name) => name,
    getCurrentDirectory: () => root,
    getNewLine: () => '\n',
  });
}

function printDeclarations(program: ts.Program, path: string): string {
  const source = program.getSourceFile(path);
  if (source === undefined) throw new Error(`the compiler did not read ${path}`);
  // Written by hand, so nothing is emitted for it.
  if (source.isDeclarationFile) return source.text;
  let text: string | undefined;
  const { diagnostics } = program.emit(source, (_, emitted) => (text = emitted), undefined, true);
  if (text !== undefined && diagnostics.length === 0) return text;
  throw new Error(formatDiagnostics(diagnostics) || `nothing was emitted for ${path}`);
}

void main().catch((error: unknown) => {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
