import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import type { ModelSignature } from '../../../domain/model/model';

import type { Digest } from '../../../domain/artifact';
import { CliError } from '../cli-error';
import type { CliContext } from '../context';
import { mlflowFolderTexts } from './mlflow-folder';
import { parseModelRef } from './ref';

interface ExportOptions {
  readonly format: 'mlflow';
  readonly out: string;
}

export function exportCommand(model: Command, context: CliContext): void {
  const { terminal } = context;
  model
    .command('export')
    .argument('<model>', 'name (its champion) or name@version')
    .description('Write a model version as a folder that MLflow loads')
    .requiredOption('--format <format>', 'Format of the folder: mlflow', onlyMlflow)
    .requiredOption('--out <folder>', 'Folder to write; it must be missing or empty')
    .action(async (given: string, { out }: ExportOptions) => {
      const folder = freeFolder(out, context.settings.cwd);
      const { name, version } = await parseModelRef(given, context);
      const api = context.api();
      const number = version ?? (await readChampion(context, name));
      const path = { model: name, version: number };
      const found = await api.call('GET /models/{model}/versions/{version}', { path });
      if (found.signature.task === 'chat')
        throw new CliError(`${name}@${number} is a language application, not an ONNX model`, 2);
      const part = async (file: 'model.onnx' | 'features.sql') =>
        api.bytes('GET /models/{model}/versions/{version}/files/{file}', {
          path: { ...path, file },
        });
      const files = {
        ...mlflowFolderTexts({
          model: name,
          version: number,
          digest: found.manifest.digest as Digest,
          signature: found.signature as ModelSignature,
          createdAt: found.createdAt,
        }),
        'model.onnx': await part('model.onnx'),
        'features.sql': await part('features.sql'),
      };
      writeFolder(folder, files);
      terminal.say(`${name}@${number} written to ${out}; load it with mlflow.onnx.load_model`);
    });
}

function onlyMlflow(format: string): string {
  if (format === 'mlflow') return format;
  throw new InvalidArgumentError('mlflow is the only format');
}

async function readChampion(context: CliContext, name: string): Promise<number> {
  const { aliases } = await context.api().call('GET /models/{model}', { path: { model: name } });
  if (aliases.champion) return aliases.champion.version;
  throw new CliError(`${name} has no champion`, 1, `perennial model export ${name}@<version> …`);
}

function freeFolder(shown: string, cwd: string): string {
  const path = resolve(cwd, shown);
  if (!existsSync(dirname(path)))
    throw new CliError(`${shown} cannot be written because ${dirname(path)} does not exist`, 2);
  let entries: readonly string[];
  try {
    entries = existsSync(path) ? readdirSync(path) : [];
  } catch {
    throw new CliError(`${shown} is not a folder`, 2, 'name a new folder with --out');
  }
  if (entries.length === 0) return path;
  throw new CliError(`${shown} is not empty`, 2, 'name a new folder with --out');
}

/** The folder appears complete or not at all. */
function writeFolder(path: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  const part = `${path}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(part, name), content);
  rmSync(path, { recursive: true, force: true });
  renameSync(part, path);
}
