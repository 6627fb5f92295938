import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { failure } from '../../domain/failure';

/** The folder of the parts that only language models need. They are installed on first use. */
export const llmFolder = resolve(__dirname, '..', '..', '.perennial', 'llm');

/**
 * A CommonJS package of the LLM runtime, such as `@lancedb/lancedb`. The caller types it with an
 * interface of the calls that it uses.
 * @throws PlatformUnavailable when it is not installed
 */
export function requireFromLlmRuntime(name: string): unknown {
  return runtimeRequire()(resolveModule(name));
}

/** The same for a package that is an ES module, such as node-llama-cpp. */
export async function importFromLlmRuntime(name: string): Promise<unknown> {
  return import(pathToFileURL(resolveModule(name)).href);
}

/** A file in `models/`. @throws PlatformUnavailable when it is not installed */
export function llmModelPath(...parts: readonly string[]): string {
  return findProvisioned('models', ...parts);
}

/** The weights of a local model, by its name. @throws PlatformUnavailable when not installed */
export function llmWeightsPath(model: string): string {
  return llmModelPath(`${model.replaceAll(/[^\w.-]/g, '_')}.gguf`);
}

/**
 * A data set in `data/`, such as `wiki-summaries.parquet`. @throws PlatformUnavailable when it is
 * not installed
 */
export function llmDataPath(...parts: readonly string[]): string {
  return findProvisioned('data', ...parts);
}

function findProvisioned(...parts: readonly string[]): string {
  const path = join(llmFolder, ...parts);
  if (existsSync(path)) return path;
  throw notProvisioned(join(...parts), undefined);
}

function runtimeRequire(): NodeJS.Require {
  return createRequire(join(llmFolder, 'runtime', 'package.json'));
}

function resolveModule(name: string): string {
  try {
    return runtimeRequire().resolve(name);
  } catch (cause) {
    throw notProvisioned(name, cause);
  }
}

function notProvisioned(what: string, cause: unknown): Error {
  return failure(
    'PlatformUnavailable',
    `${what} is not installed: language models need parts that are installed separately`,
    { next: 'npm run provision:llm', cause },
  );
}
