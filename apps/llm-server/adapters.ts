import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ArtifactStore } from '../../data/artifact/store';
import { digestOfFile } from '../../data/digest';
import type { ArtifactRef, Digest } from '../../domain/artifact';
import { isPerennialError } from '../../domain/failure';
import { ApiError } from './api-error';
import type { LlamaCpp } from './llama-cpp';

/**
 * The adapters by name. A name can be moved to another artifact; answers in progress continue with
 * the previous one.
 */
export interface Adapters {
  names(): readonly string[];
  get(name: string): ArtifactRef | null;
  /**
   * Fetch the artifact, verify its digest and its base model, and register the name.
   * @throws ApiError 400, 404 or 503
   */
  put(name: string, artifact: ArtifactRef): Promise<void>;
  remove(name: string): boolean;
  /**
   * The file of a name, or of the digest of a registered artifact. @throws ApiError 404 for an
   * unknown name
   */
  findFile(name: string): Promise<string>;
}

export interface AdaptersOptions {
  readonly folder: string;
  readonly baseName: string;
  readonly baseDigest: Digest;
  readonly llamaCpp: Pick<LlamaCpp, 'readGgufFileInfo'>;
  /** Null when this server has no artifact store. */
  readonly artifacts: Pick<ArtifactStore, 'toFile'> | null;
}

export function openAdapters({
  folder,
  baseName,
  baseDigest,
  llamaCpp,
  artifacts,
}: AdaptersOptions): Adapters {
  const register = join(folder, 'adapters.json');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const known = new Map(
    Object.entries(
      existsSync(register)
        ? (JSON.parse(readFileSync(register, 'utf8')) as Record<string, ArtifactRef>)
        : {},
    ),
  );
  const proven = new Set<Digest>();

  function keep(): void {
    writeFileSync(`${register}.new`, JSON.stringify(Object.fromEntries(known)), { mode: 0o600 });
    renameSync(`${register}.new`, register);
  }

  async function provenFile(artifact: ArtifactRef): Promise<string> {
    const path = join(folder, `${artifact.digest.slice('sha256:'.length)}.gguf`);
    if (proven.has(artifact.digest) && existsSync(path)) return path;
    if (!existsSync(path) || (await digestOfFile(path)).digest !== artifact.digest)
      await fetchTo(path, artifact);
    await checkAdapter(path);
    proven.add(artifact.digest);
    return path;
  }

  async function fetchTo(path: string, artifact: ArtifactRef): Promise<void> {
    if (artifacts === null) {
      throw new ApiError(400, 'this server has no artifact store; set PERENNIAL_S3_ENDPOINT', {
        code: 'no_artifact_store',
      });
    }
    try {
      await artifacts.toFile(artifact, path);
    } catch (error) {
      const type = isPerennialError(error) ? error.type : 'StorageUnavailable';
      const status = type === 'ArtifactMissing' ? 404 : type === 'StorageUnavailable' ? 503 : 400;
      throw new ApiError(status, (error as Error).message, {
        code: 'adapter_unavailable',
        cause: error,
      });
    }
  }

  /**
   * The trainer records its base model in the file. A file without that is accepted if it is a LoRA
   * adapter; llama.cpp then compares every shape.
   */
  async function checkAdapter(path: string): Promise<void> {
    const metadata = await readMetadata(path);
    const refuse = (message: string): never => {
      rmSync(path, { force: true });
      throw new ApiError(400, message, { code: 'adapter_mismatch' });
    };
    const kind = [text(metadata, 'general', 'type'), text(metadata, 'adapter', 'type')].join('/');
    if (kind !== 'adapter/lora')
      refuse(`the file is not a LoRA adapter in GGUF; its type is ${kind}`);
    const base = text(metadata, 'perennial', 'base', 'digest');
    if (base !== '' && base !== baseDigest)
      refuse(
        `the adapter was trained on a different base model: ${base}; ${baseName} is ${baseDigest}`,
      );
  }

  async function readMetadata(path: string): Promise<unknown> {
    try {
      return (await llamaCpp.readGgufFileInfo(path)).metadata;
    } catch (cause) {
      rmSync(path, { force: true });
      throw new ApiError(400, 'the file is not a GGUF file', { code: 'adapter_mismatch', cause });
    }
  }

  return {
    names: () => [...known.keys()].sort(),
    get: (name) => known.get(name) ?? null,
    async put(name, artifact) {
      await provenFile(artifact);
      known.set(name, artifact);
      keep();
    },
    remove(name) {
      const was = known.delete(name);
      if (was) keep();
      return was;
    },
    async findFile(name) {
      const artifact = known.get(name) ?? [...known.values()].find(({ digest }) => digest === name);
      if (artifact === undefined) {
        const some =
          known.size === 0 ? 'no adapters' : [...known.keys()].sort().slice(0, 10).join(', ');
        throw new ApiError(
          404,
          `The model \`${baseName}:${name}\` does not exist: this server has ${some}`,
          { code: 'model_not_found', param: 'model' },
        );
      }
      return provenFile(artifact);
    },
  };
}

function text(metadata: unknown, ...keys: readonly string[]): string {
  let value = metadata;
  for (const key of keys) value = (value as Readonly<Record<string, unknown>> | undefined)?.[key];
  return typeof value === 'string' ? value : '';
}
