import { realpath, stat } from 'node:fs/promises';
import { isAbsolute, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatByteSize } from '../../domain/byte-size';
import type { Fetch, Fetched } from './fetch';
import { sourceFailure } from './source-failure';

/** Read in place: links are followed first, so that one cannot lead out of the allowed folders. */
export async function fetchFile({ source, policy, limits, onProgress }: Fetch): Promise<Fetched> {
  const path = await realPath(source, pathOf(source));
  const roots = await Promise.all(policy.allowedFileRoots.map((root) => realpath(root).catch(() => null)));
  if (!roots.some((root) => root !== null && isBelow(path, root))) {
    throw sourceFailure('SourceRefused', source, 'the file is outside of the folders that sources may read', {
      next: `put it below ${policy.allowedFileRoots.join(' or ')}, or add its folder to PERENNIAL_INGEST_ROOTS`,
    });
  }
  const file = await stat(path);
  if (!file.isFile()) {
    throw sourceFailure('SourceRefused', source, file.isDirectory() ? 'this is a folder' : 'this is not a regular file', {
      next: 'name one file',
    });
  }
  if (file.size > limits.maxBytes) {
    throw sourceFailure('SourceTooLarge', source, `the file has ${file.size} bytes, more than ${formatByteSize(limits.maxBytes)}`, {
      next: 'raise spec.data.limits.size, or split the file',
    });
  }
  onProgress(file.size);
  return { paths: [path], bytes: file.size };
}

function pathOf(source: Fetch['source']): string {
  try {
    const path = fileURLToPath(source.uri);
    if (isAbsolute(path)) return path;
  } catch {
    // A host in the authority, or an encoded slash: not a path on this machine.
  }
  throw sourceFailure('SourceRefused', source, 'this is not an absolute path on this machine', { next: 'write file:///absolute/path' });
}

async function realPath(source: Fetch['source'], path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw sourceFailure('NotFound', source, 'there is no such file', {
        cause: error,
        next: 'check the path; workers read it on their own machine',
      });
    }
    throw sourceFailure('SourceRefused', source, `the file cannot be opened (${code ?? 'unknown reason'})`, { cause: error });
  }
}

export function isBelow(path: string, root: string): boolean {
  const way = relative(root, path);
  return way !== '' && !way.startsWith('..') && !isAbsolute(way);
}
