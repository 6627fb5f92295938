import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { failure } from '../../domain/failure';

/**
 * The parts that only language models need are fetched on first use, apart from the packages of the
 * project: this is where they are found.
 */
export const llmFolder = resolve(__dirname, '..', '..', '.perennial', 'llm');

/**
 * A CommonJS package of the LLM runtime, `@lancedb/lancedb` for one. The caller types it by an
 * interface with exactly the calls that it uses.
 * @throws PlatformUnavailable when it was not fetched yet
 */
export function requireFromLlmRuntime(name: string): unknown {
  return runtimeRequire()(resolved(name));
}

/** The same for a package that is an ES module, as llama.cpp's is. */
export async function importFromLlmRuntime(name: string): Promise<unknown> {
  return import(pathToFileURL(resolved(name)).href);
}

/** A file of `models/`. @throws PlatformUnavailable when it was not fetched yet */
export function llmModelPath(...parts: readonly string[]): string {
  return provisioned('models', ...parts);
}

/**
 * The weights of a model that is run here, by its name. @throws PlatformUnavailable when there are
 * none
 */
export function llmWeightsPath(model: string): string {
  return llmModelPath(`${model.replaceAll(/[^\w.-]/g, '_')}.gguf`);
}

/**
 * A data set of `data/`, `wiki-summaries.parquet` for one. @throws PlatformUnavailable when it was
 * not fetched yet
 */
export function llmDataPath(...parts: readonly string[]): string {
  return provisioned('data', ...parts);
}

function provisioned(...parts: readonly string[]): string {
  const path = join(llmFolder, ...parts);
  if (existsSync(path)) return path;
  throw notProvisioned(join(...parts), undefined);
}

function runtimeRequire(): NodeJS.Require {
  return createRequire(join(llmFolder, 'runtime', 'package.json'));
}

function resolved(name: string): string {
  try {
    return runtimeRequire().resolve(name);
  } catch (cause) {
    throw notProvisioned(name, cause);
  }
}

function notProvisioned(what: string, cause: unknown): Error {
  return failure(
    'PlatformUnavailable',
    `${what} is not on this machine: the parts for language models are fetched on first use`,
    {
      next: 'npm run provision:llm',
      cause,
    },
  );
}
