import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

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
