/** The files of a new TypeScript project, made from `sdk/template`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { packageName } from '../../domain/version';
import { toIdentifier } from '../../domain/text';

export interface ScaffoldInput {
  /** The name of the project and of its lifecycle. */
  readonly name: string;
  /** What package.json asks for: a version, or `file:` with a folder. */
  readonly perennial: string;
}

/** The lifecycle of the template. The name of the project replaces it. */
const templateName = 'churn';
const root = resolve(__dirname, '..', '..');
const template = join(root, 'sdk', 'template');

/** The files of the project, path → text. */
export function scaffoldFiles({ name, perennial }: ScaffoldInput): Record<string, string> {
  const files = Object.fromEntries(
    readdirSync(template, { recursive: true, withFileTypes: true, encoding: 'utf8' })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => [
        renameTemplate(relative(template, path), name),
        renameTemplate(readFileSync(path, 'utf8'), name),
      ]),
  );
  return {
    'package.json': jsonFile(buildPackage(name, perennial)),
    'tsconfig.json': jsonFile(compilerSettings),
    // npm leaves files of these names out of a package, so the template has none.
    '.gitignore': 'node_modules/\n.perennial/\n',
    // Perennial needs no install script; the one of onnxruntime-node downloads files for GPUs.
    '.npmrc': 'ignore-scripts=true\n',
    ...files,
  };
}

/** `churn` → `my-model`, and `myModel` or `MyModel` where TypeScript needs an identifier. */
function renameTemplate(text: string, name: string): string {
  if (name === templateName) return text;
  const identifier = toIdentifier(name);
  const typeName = identifier.charAt(0).toUpperCase() + identifier.slice(1);
  return text
    .replaceAll('ChurnParams', `${typeName}Params`)
    .replaceAll(`export const ${templateName} =`, `export const ${identifier} =`)
    .replaceAll(/^([ \t]+)churn: \{/gm, `$1${identifier === name ? templateName : `'churn'`}: {`)
    .replaceAll(/\bchurn\b/g, name);
}

function buildPackage(name: string, perennial: string) {
  return {
    name,
    private: true,
    type: 'commonjs',
    scripts: {
      types: 'tsc --noEmit',
      test: 'tsc --noEmit && node --import tsx --test test/*.test.ts',
      dev: 'perennial dev',
      deploy: 'perennial deploy',
    },
    dependencies: { [packageName]: perennial },
    // npm reads the overrides of the project alone.
    overrides: ownOverrides(),
    devDependencies: { '@types/node': '^20.19.0', tsx: '^4.20.0', typescript: '^6.0.0' },
  };
}

/** Versions of indirect dependencies that work with every supported version of Node. */
function ownOverrides(): Readonly<Record<string, string>> {
  const { overrides } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly overrides: Readonly<Record<string, string | object>>;
  };
  return Object.fromEntries(
    Object.entries(overrides).filter(
      (each): each is [string, string] => typeof each[1] === 'string',
    ),
  );
}

const compilerSettings = {
  compilerOptions: {
    target: 'ES2023',
    lib: ['ES2023'],
    module: 'node20',
    moduleResolution: 'node16',
    types: ['node'],
    strict: true,
    noUncheckedIndexedAccess: true,
    isolatedModules: true,
    skipLibCheck: true,
    noEmit: true,
  },
  include: ['**/*.ts'],
  exclude: ['node_modules', '.perennial'],
};

function jsonFile(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
