import { appendFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { CliError } from './cli-error';

/**
 * Appears whole or not at all, beside what the work is for: where nothing can be written that is said before the work, not after. Without a path what is
 * written goes nowhere.
 */
export async function wholeFile<T>(path: string | undefined, cwd: string, work: (write: (text: string) => void) => Promise<T>): Promise<T> {
  if (path === undefined) return work(() => undefined);
  const file = resolve(cwd, path);
  const part = `${file}.part`;
  begin(part, path);
  try {
    const done = await work((text) => appendFileSync(part, text));
    renameSync(part, file);
    return done;
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
}

function begin(part: string, shown: string): void {
  try {
    writeFileSync(part, '');
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'its folder is not there' : code;
    throw new CliError(`${shown} cannot be written: ${why}`, 2, 'name a file in a folder that is there and yours to write in');
  }
}
