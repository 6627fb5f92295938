import { createReadStream, existsSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { AuditArchive, AuditHead, AuditKey } from '../../db/audit/records';
import { failure } from '../../domain/failure';

type Line = { readonly head: AuditHead } | { readonly key: AuditKey };

/**
 * Appends signed heads and keys to a file as lines of JSON. The disk should be append-only for this
 * machine (`chattr +a`, a mounted share). A line can occur twice if a process died after writing
 * it.
 */
export function openFileArchive(path: string): AuditArchive {
  async function append(line: Line): Promise<void> {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(path, 'a', 0o600).catch((cause: unknown) => {
      throw failure('StorageUnavailable', `cannot write the copies of the audit log to ${path}`, {
        cause,
        next: 'check PERENNIAL_AUDIT_COPY_FILE',
      });
    });
    try {
      // The leading line feed separates this line from one that a full disk cut off.
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
      for await (const line of readLines(path))
        if ('head' in line && line.head.tenant === tenant && line.head.batch > after)
          yield line.head;
    },
    async head({ tenant, batch }) {
      for await (const line of readLines(path))
        if ('head' in line && line.head.tenant === tenant && line.head.batch === batch)
          return line.head;
      return null;
    },
    async keys(tenant) {
      const keys: AuditKey[] = [];
      for await (const line of readLines(path))
        if ('key' in line && line.key.tenant === tenant) keys.push(line.key);
      return keys;
    },
    close: () => undefined,
  };
}

async function* readLines(path: string): AsyncGenerator<Line> {
  if (!existsSync(path)) return;
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
  for await (const text of lines) {
    const line = parseLine(text);
    if (line !== null) yield line;
  }
}

/** Null for an incomplete or foreign line. Verification then reports its head as missing. */
function parseLine(text: string): Line | null {
  try {
    const line = JSON.parse(text) as Line | null;
    return line !== null && typeof line === 'object' && ('head' in line || 'key' in line)
      ? line
      : null;
  } catch {
    return null;
  }
}
