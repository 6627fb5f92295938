import { constants } from 'node:fs';
import { open, readlink, realpath, stat, symlink, type FileHandle } from 'node:fs/promises';
import { extname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatByteSize } from '../../../domain/byte-size';
import type { FetchedFiles, SourceFetch } from './source-fetch';
import { fileRefusal } from './file-access';
import { sourceFailure } from './source-failure';

/**
 * Reads a file in place. The file is opened before the access check, and readers get a link to the
 * open file, so that a link changed meanwhile has no effect.
 */
export async function fetchFile({
  source,
  into,
  policy,
  limits,
  onProgress,
}: SourceFetch): Promise<FetchedFiles> {
  const wanted = toPath(source);
  const real = await withSourceFailures(source, () => realpath(wanted));
  await checkAccess(source, real, policy);
  // O_NONBLOCK: opening a pipe must not wait for a writer. O_NOFOLLOW: the real path has no link.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
  const file = await withSourceFailures(source, () => open(real, flags));
  try {
    await checkAccess(source, await openedPath(file, real, source), policy);
    const bytes = await readSize(file, source, limits.maxBytes);
    const path = join(into, `file${/^\.[a-z0-9]+$/i.exec(extname(real))?.[0] ?? ''}`);
    await symlink(process.platform === 'linux' ? `/proc/self/fd/${file.fd}` : real, path);
    onProgress(bytes);
    return { paths: [path], bytes, close: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function checkAccess(
  source: SourceFetch['source'],
  path: string,
  policy: SourceFetch['policy'],
): Promise<void> {
  const refusal = await fileRefusal(path, policy.files);
  if (refusal !== null)
    throw sourceFailure('SourceRefused', source, refusal.detail, { next: refusal.next });
}

/** Path of the open file. Without /proc, the path must still lead to the same file. */
async function openedPath(
  file: FileHandle,
  real: string,
  source: SourceFetch['source'],
): Promise<string> {
  if (process.platform === 'linux') return readlink(`/proc/self/fd/${file.fd}`);
  const [opened, found, path] = await Promise.all([
    file.stat({ bigint: true }),
    stat(real, { bigint: true }),
    realpath(real),
  ]);
  if (opened.dev === found.dev && opened.ino === found.ino) return path;
  throw sourceFailure('SourceRefused', source, 'the file was replaced while it was opened', {
    next: 'rerun the run: perennial run rerun',
  });
}

async function readSize(
  file: FileHandle,
  source: SourceFetch['source'],
  maxBytes: number,
): Promise<number> {
  const found = await file.stat();
  if (!found.isFile()) {
    throw sourceFailure(
      'SourceRefused',
      source,
      found.isDirectory() ? 'the path is a folder' : 'the path is not a regular file',
      {
        next: 'use the path of one file',
      },
    );
  }
  if (found.nlink > 1) {
    throw sourceFailure(
      'SourceRefused',
      source,
      `the file has ${found.nlink} names (hard links), of which others may be outside of the allowed folders`,
      { next: 'copy the file, for example with cp --reflink=auto, and use the copy' },
    );
  }
  if (found.size > maxBytes) {
    throw sourceFailure(
      'SourceTooLarge',
      source,
      `the file has ${found.size} bytes, more than ${formatByteSize(maxBytes)}`,
      {
        next: 'raise spec.data.limits.size, or split the file',
      },
    );
  }
  return found.size;
}

function toPath(source: SourceFetch['source']): string {
  try {
    const path = fileURLToPath(source.uri);
    if (isAbsolute(path)) return path;
  } catch {
    // A host in the URI, or an encoded slash: not a path on this machine.
  }
  throw sourceFailure('SourceRefused', source, 'the URI is not an absolute path on this machine', {
    next: 'write file:///absolute/path',
  });
}

async function withSourceFailures<T>(
  source: SourceFetch['source'],
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw sourceFailure('NotFound', source, 'the file does not exist', {
        cause: error,
        next: 'check the path; each worker reads it on its own machine',
      });
    }
    // ENXIO: a socket, which cannot be opened.
    if (code === 'ENXIO' || code === 'EOPNOTSUPP') {
      throw sourceFailure('SourceRefused', source, 'the path is not a regular file', {
        cause: error,
        next: 'use the path of one file',
      });
    }
    throw sourceFailure(
      'SourceRefused',
      source,
      `the file cannot be opened (${code ?? 'unknown reason'})`,
      { cause: error },
    );
  }
}
