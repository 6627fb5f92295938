import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parse } from 'yaml';
import type { Digest } from '../../domain/artifact';
import type { Issue } from '../../domain/failure';
import { failure } from '../../domain/failure';
import { conversionTrainer } from '../../domain/model/imported';
import type { TrainerManifest } from '../../domain/training/job';
import { computeDigest, sha256 } from '../digest';
import type { TrainerManifestFile } from './manifest.schema';
import { parseTrainerManifest } from './manifest.schema';
import { assertUsableSchema, paramIssues } from './params';
import type { RequirementsFile } from './python-environments';

/**
 * The trainers of a folder; each is a subfolder with a `trainer.yaml`. Read at each call, so a
 * trainer can be edited while the platform runs.
 */
export interface TrainerCatalog {
  list(): readonly TrainerManifest[];
  /** Names of all folders with a manifest, including invalid ones. */
  names(): readonly string[];
  get(name: string): TrainerManifest | null;
  /** A trainer that only the platform uses. @throws NotFound */
  internal(name: string): TrainerManifest;
  /** The Python environment that the platform provides; null for that of all trainers. */
  environment(name: string): TrainerManifestFile['environment'] | null;
  /** The trainer's own packages; null without any. @throws NotFound */
  requirements(name: string): RequirementsFile | null;
  /** Pointers are relative to the parameters, `/num_leaves`. @throws NotFound */
  checkParams(name: string, params: Readonly<Record<string, unknown>>): readonly Issue[];
}

const manifestFile = 'trainer.yaml';
const internalTrainers: readonly string[] = [conversionTrainer];

export function openTrainerCatalog(
  trainersDir: string,
  runtimeDir = join(trainersDir, 'runtime'),
): TrainerCatalog {
  function names(): string[] {
    return readdirSync(trainersDir, { withFileTypes: true })
      .filter(
        (entry) => entry.isDirectory() && existsSync(join(trainersDir, entry.name, manifestFile)),
      )
      .map(({ name }) => name)
      .filter((name) => !internalTrainers.includes(name))
      .sort();
  }

  function get(name: string): TrainerManifest | null {
    // Comparing with the existing names keeps a name from leading out of the folder.
    return names().includes(name) ? read(name) : null;
  }

  function read(name: string): TrainerManifest {
    const manifest = readManifest(join(trainersDir, name));
    return {
      name: manifest.name,
      description: manifest.description,
      tasks: manifest.tasks,
      paramsSchema: manifest.params,
      iterations: readIterations(manifest),
      distributed: manifest.distributed === true,
      codeDigest: computeCodeDigest(join(trainersDir, name), runtimeDir, manifest.environment),
    };
  }

  function failAsUnknown(name: string) {
    return failure(
      'NotFound',
      `unknown trainer ${name}; available: ${names().join(', ') || 'none'}`,
    );
  }

  return {
    names,
    list: () => names().flatMap((name) => get(name) ?? []),
    get,
    internal(name) {
      if (!internalTrainers.includes(name)) throw failAsUnknown(name);
      return read(name);
    },
    environment: (name) =>
      names().includes(name) ? (readManifest(join(trainersDir, name)).environment ?? null) : null,
    requirements(name) {
      if (!names().includes(name)) throw failAsUnknown(name);
      const folder = join(trainersDir, name);
      const { requirements } = readManifest(folder);
      if (requirements === undefined) return null;
      const file = `${name}/${requirements}`;
      if (!existsSync(join(trainersDir, file)))
        throw failure('InvalidInput', `${join(folder, manifestFile)}: there is no ${file}`);
      return { file, text: readFileSync(join(trainersDir, file), 'utf8'), user: 'trainer' };
    },
    checkParams(name, params) {
      const manifest = get(name);
      if (!manifest) throw failAsUnknown(name);
      return paramIssues(manifest.paramsSchema, params);
    },
  };
}

function readManifest(folder: string): TrainerManifestFile {
  const path = join(folder, manifestFile);
  try {
    const manifest = parseTrainerManifest(parse(readFileSync(path, 'utf8')));
    if (manifest.name !== folder.slice(dirname(folder).length + 1))
      throw new Error(`name is ${manifest.name}, but must be the name of its folder`);
    assertUsableSchema(manifest.params);
    return manifest;
  } catch (cause) {
    throw failure('InvalidInput', `${path}: ${(cause as Error).message}`, { cause });
  }
}

function readIterations({
  iterations,
  params,
}: TrainerManifestFile): TrainerManifest['iterations'] {
  if (iterations === undefined) return null;
  const properties = (params['properties'] ?? {}) as Readonly<
    Record<string, { readonly default?: unknown } | undefined>
  >;
  const given = properties[iterations]?.default;
  return { param: iterations, default: typeof given === 'number' ? given : null };
}

/** Digest of what can change a model: code of trainer and runtime, and the library versions. */
export function computeCodeDigest(
  folder: string,
  runtimeDir: string,
  environment?: TrainerManifestFile['environment'],
): Digest {
  const packages =
    environment === undefined ? 'requirements.lock' : `requirements-${environment}.lock`;
  const lock = join(dirname(runtimeDir), packages);
  const files = [
    ...code(folder).map((path) => [`trainer/${relative(folder, path)}`, path] as const),
    ...code(runtimeDir).map((path) => [`runtime/${relative(runtimeDir, path)}`, path] as const),
    ...(existsSync(lock) ? [[packages, lock] as const] : []),
  ];
  return computeDigest(
    Object.fromEntries(files.map(([name, path]) => [name, sha256(readFileSync(path))])),
  );
}

function code(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (/^(\.|__pycache__$|tests$|test_)/.test(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? code(path) : [path];
  });
}
