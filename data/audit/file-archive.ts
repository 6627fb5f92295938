import { createReadStream, existsSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { AuditArchive, AuditHead, AuditKey } from '../../db/audit/repository';
import { failure } from '../../domain/failure';

type Line = { readonly head: AuditHead } | { readonly key: AuditKey };

/**
 * Signed heads and keys as lines of JSON that are appended to a file, for a disk that this machine
 * can append to alone (`chattr +a`, a mounted share). A line may be there twice, after a process
 * died before it noted that it had written it.
 */
export function openFileArchive(path: string): AuditArchive {
  async function append(line: Line): Promise<void> {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(path, 'a', 0o600).catch((cause: unknown) => {
      throw failure(
        'StorageUnavailable',
        `the copies of the audit log cannot be written to ${path}`,
        {
          cause,
          next: 'check PERENNIAL_AUDIT_COPY_FILE',
        },
      );
    });
    try {
      // The line feed comes first too: a line that was written in part, when the disk was full,
      // must not swallow this one.
      await file.write(`\n${JSON.stringify(line)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  }
  return {
    place: `second:file://${path}`,
    where: path,
    storeHead: (head) => append({ head }),
    storeKey: (key) => append({ key }),
    async *heads({ tenant, after }) {
      for await (const line of linesOf(path))
        if ('head' in line && line.head.tenant === tenant && line.head.batch > after)
          yield line.head;
    },
    async head({ tenant, batch }) {
      for await (const line of linesOf(path))
        if ('head' in line && line.head.tenant === tenant && line.head.batch === batch)
          return line.head;
      return null;
    },
    async keys(tenant) {
      const keys: AuditKey[] = [];
      for await (const line of linesOf(path))
        if ('key' in line && line.key.tenant === tenant) keys.push(line.key);
      return keys;
    },
    close: () => undefined,
  };
}

async function* linesOf(path: string): AsyncGenerator<Line> {
  if (!existsSync(path)) return;
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
  for await (const text of lines) {
    const line = parsed(text);
    if (line !== null) yield line;
  }
}

/** Null for what is no whole line of ours: its head is then missed. */
function parsed(text: string): Line | null {
  try {
    const line = JSON.parse(text) as Line | null;
    return line !== null && typeof line === 'object' && ('head' in line || 'key' in line)
      ? line
      : null;
  } catch {
    return null;
  }
}
