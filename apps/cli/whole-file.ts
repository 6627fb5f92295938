import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { resolve } from 'node:path';
import { CliError } from './cli-error';

export interface WholeFile {
  /** The path as the user gave it. */
  readonly shown: string;
  readonly path: string;
  /** A pipe or a device, which is written directly. */
  readonly isStream: boolean;
}

/**
 * @throws CliError if the file cannot be written. It is thrown before the work, which may cost
 * money.
 */
export function wholeFileAt(shown: string, cwd: string): WholeFile {
  return saying(shown, () => {
    const path = target(resolve(cwd, shown));
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory() === true)
      throw new CliError(
        `${shown} cannot be written because it is a folder`,
        2,
        'name a file in it',
      );
    if (found?.isSocket() === true)
      throw new CliError(
        `${shown} cannot be written because it is a socket`,
        2,
        'name a file or a pipe',
      );
    const isStream = found !== undefined && !found.isFile();
    if (isStream) accessSync(path, constants.W_OK);
    else {
      const part = formatPartPath(path);
      closeSync(openSync(part, 'a'));
      rmSync(part);
    }
    return { shown, path, isStream };
  });
}

/**
 * Writes the file completely or not at all. If the process is killed, the old content stays and a
 * `.part` file is left.
 */
export async function writeWhole(
  { shown, path, isStream }: WholeFile,
  work: (write: (text: string) => void) => Promise<void> | void,
): Promise<void> {
  const to = isStream ? path : formatPartPath(path);
  // Opened once, because the reader of a pipe takes its closing as the end.
  const file = saying(shown, () => openSync(to, isStream ? 'a' : 'w'));
  try {
    await work((text) => saying(shown, () => writeFileSync(file, text)));
    if (!isStream) saying(shown, () => renameSync(to, path));
  } catch (error) {
    if (!isStream) rmSync(to, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

/** The target of a link, so that the link stays. */
function target(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

/** Named after this process, so that concurrent writers do not mix. */
function formatPartPath(path: string): string {
  return `${path}.${process.pid}.part`;
}

function saying<T>(shown: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof CliError) throw error;
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'the folder does not exist' : code;
    throw new CliError(
      `${shown} cannot be written: ${why}`,
      2,
      'name a file in an existing folder that you may write to',
    );
  }
}
