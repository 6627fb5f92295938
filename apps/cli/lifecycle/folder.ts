import { lstatSync, readdirSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { CliError } from '../cli-error';
import { readTextFile } from '../text-file';

/** A lifecycle on disk: its file, and the texts in its folder that it may name. */
export interface LifecycleFolder {
  readonly folder: string;
  readonly fileName: string;
  readonly document: string;
  readonly files: Readonly<Record<string, string>>;
}

const travels = /\.(sql|ya?ml|ndjson|jsonl)$/;
const maxFileBytes = 1 << 20;
const maxFiles = 200;

/**
 * Reads `lifecycle.yaml` of a folder, or the named file. Links are not followed and nothing outside
 * the folder is read, because the files are sent to another machine.
 */
export function readLifecycleFolder(cwd: string, given: string): LifecycleFolder {
  const path = resolve(cwd, given);
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) throw new CliError(`${given} does not exist`, 2, 'perennial lifecycle init <name>');
  const file = stat.isDirectory() ? join(path, 'lifecycle.yaml') : path;
  const folder = dirname(file);
  const document = readText(file, given);
  return { folder, fileName: basename(file), document, files: readTexts(cwd, folder, file) };
}

/** The texts of a folder that a lifecycle may name, by path, except the lifecycle itself. */
export function readTexts(
  cwd: string,
  folder: string,
  lifecycle?: string,
): Readonly<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const each of textsIn(folder)) {
    if (each !== lifecycle && !isTable(folder, each))
      files[relative(folder, each)] = readText(each, relative(cwd, dirname(each)));
  }
  return files;
}

/** A large file in `data` is a source, which workers read in place. */
function isTable(folder: string, path: string): boolean {
  return relative(folder, path).startsWith(`data${sep}`) && lstatSync(path).size > maxFileBytes;
}

function textsIn(folder: string): string[] {
  const found: string[] = [];
  const visit = (directory: string, depth: number): void => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (
        entry.isDirectory() &&
        depth < 4 &&
        !entry.name.startsWith('.') &&
        entry.name !== 'node_modules'
      )
        visit(path, depth + 1);
      else if (entry.isFile() && travels.test(entry.name)) found.push(path);
      if (found.length > maxFiles)
        throw new CliError(
          `${folder} contains more than ${maxFiles} SQL, YAML and NDJSON files; use a separate folder for each lifecycle`,
          2,
        );
    }
  };
  visit(folder, 0);
  return found.sort();
}

function readText(path: string, shown: string): string {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile())
    throw new CliError(`${shown}: no file ${basename(path)}`, 2, 'perennial lifecycle init <name>');
  if (stat.size > maxFileBytes)
    throw new CliError(`${shown}: ${basename(path)} is larger than 1 MiB`, 2);
  return readTextFile(path, shown);
}
