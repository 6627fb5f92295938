import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { CliError } from './cli-error';

/** The path of a folder to create. @throws CliError when it exists. */
export function newFolder(parent: string, name: string): string {
  const folder = resolve(parent, name);
  if (!existsSync(folder)) return folder;
  throw new CliError(
    `${name} already exists; nothing was written`,
    2,
    `choose another name, or remove the folder ${name} first`,
  );
}

/** Writes all files or none: the folder gets its name when it is complete. */
export function writeFolder(
  folder: string,
  files: Readonly<Record<string, string>>,
  more: (folder: string) => void = () => undefined,
): void {
  const partial = join(dirname(folder), `.${basename(folder)}.partial-${process.pid}`);
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(partial, path)), { recursive: true });
      writeFileSync(join(partial, path), text);
    }
    more(partial);
    renameSync(partial, folder);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw error;
  }
}
