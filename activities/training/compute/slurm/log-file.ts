import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** The last `maxBytes` of a file, from the start of a line. Empty if this machine has no file. */
export async function readEnd(path: string, maxBytes: number): Promise<string> {
  // A job may put a link or a pipe here, which is not followed.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags).catch(() => null);
  if (file === null) return '';
  try {
    const found = await file.stat();
    if (!found.isFile()) return '';
    const length = Math.min(found.size, maxBytes);
    const start = found.size - length;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start);
    const text = buffer.toString('utf8', 0, bytesRead);
    return start > 0 ? text.slice(text.indexOf('\n') + 1) : text;
  } finally {
    await file.close();
  }
}
