import { randomBytes } from 'node:crypto';
import {
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';

/** Rows that wait on disk, in order, in segments of NDJSON. */
export interface Spill<Row> {
  /** On disk, synced, when it resolves. */
  append(rows: readonly Row[]): Promise<void>;
  /**
   * The oldest segment, closed to further rows; null when nothing waits. Removing it says that its
   * rows are safe elsewhere.
   */
  oldest(): Promise<SpillSegment<Row> | null>;
  isEmpty(): boolean;
  bytes(): number;
  /**
   * Says that this process lives, and takes over what dead ones left behind. Number of segments
   * taken over.
   */
  tend(): Promise<number>;
  /** Leaves what still waits to whoever comes next. */
  close(): Promise<void>;
}

export interface SpillSegment<Row> {
  /**
   * Its rows, in order. Read as they are asked for, so that no more than one batch at a time holds
   * the event loop.
   */
  batches(rows: number): Generator<readonly Row[]>;
  remove(): Promise<void>;
}

export interface SpillOptions {
  /** Shared by any number of processes; each works in a folder of its own. */
  readonly folder: string;
  readonly segmentBytes: number;
  readonly maxBytes: number;
  /**
   * A folder whose owner did not say for this long that it lives is an orphan. Longer than any
   * pause of a live process.
   */
  readonly orphanSeconds: number;
  /** The oldest rows, dropped for want of room, or lines that a crash left half written. */
  readonly onLost: (rows: number, reason: 'full' | 'torn') => void;
}

const aliveFile = 'alive';
const suffix = '.ndjson';

export async function openSpill<Row>({
  folder,
  segmentBytes,
  maxBytes,
  orphanSeconds,
  onLost,
}: SpillOptions): Promise<Spill<Row>> {
  const id = randomBytes(6).toString('hex');
  const own = join(folder, id);
  /** Names sort by the time their segment began; the sizes are of whole segments. */
  const segments: { readonly name: string; bytes: number }[] = [];
  let writing: string | null = null;
  let sequence = 0;
  let last: Promise<unknown> = Promise.resolve();
  await mkdir(own, { recursive: true, mode: 0o700 });
  await writeFile(join(own, aliveFile), '', { mode: 0o600 });

  async function append(rows: readonly Row[]): Promise<void> {
    if (rows.length === 0) return;
    const text = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    let segment = segments.at(-1);
    const fresh =
      segment === undefined || segment.name !== writing || segment.bytes >= segmentBytes;
    if (segment === undefined || fresh) {
      sequence += 1;
      writing = `${String(Date.now()).padStart(15, '0')}-${id}-${String(sequence).padStart(9, '0')}${suffix}`;
      segment = { name: writing, bytes: 0 };
    }
    // Opened by its path each time: if this process was taken for dead and its segments went to
    // another, this begins a new one.
    await mkdir(own, { recursive: true, mode: 0o700 });
    const file = await open(join(own, segment.name), 'a', 0o600);
    try {
      // Without this a line that a full disk cut short would swallow the next one.
      const size = (await file.stat()).size;
      if (size > segment.bytes) await file.truncate(segment.bytes);
      await file.writeFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
    if (fresh) {
      await syncFolder(own);
      segments.push(segment);
    }
    segment.bytes += text.byteLength;
    await makeRoom();
  }

  async function makeRoom(): Promise<void> {
    while (segments.length > 1 && total() > maxBytes) {
      const [oldestSegment] = segments;
      if (oldestSegment === undefined) return;
      const text = await readSegment(oldestSegment.name);
      await remove(oldestSegment.name);
      onLost(text.split('\n').length - 1, 'full');
    }
  }

  async function oldest(): Promise<SpillSegment<Row> | null> {
    for (let segment = segments[0]; segment !== undefined; segment = segments[0]) {
      const { name } = segment;
      if (name === writing) writing = null;
      const lines = (await readSegment(name)).split('\n').filter((line) => line !== '');
      if (lines.length > 0)
        return {
          batches: (rows) => batchesOf(lines, rows),
          remove: () => inTurn(() => remove(name)),
        };
      await remove(name);
    }
    return null;
  }

  function* batchesOf(lines: readonly string[], size: number): Generator<readonly Row[]> {
    for (let from = 0; from < lines.length; from += size) {
      const batch: Row[] = [];
      for (const line of lines.slice(from, from + size)) {
        try {
          batch.push(JSON.parse(line) as Row);
        } catch {
          onLost(1, 'torn');
        }
      }
      if (batch.length > 0) yield batch;
    }
  }

  /** Empty when another process took it over. */
  async function readSegment(name: string): Promise<string> {
    try {
      return await readFile(join(own, name), 'utf8');
    } catch (error) {
      if (isMissing(error)) return '';
      throw error;
    }
  }

  async function remove(name: string): Promise<void> {
    await rm(join(own, name), { force: true });
    const index = segments.findIndex((segment) => segment.name === name);
    if (index !== -1) segments.splice(index, 1);
    if (name === writing) writing = null;
  }

  async function tend(): Promise<number> {
    await touch(own);
    const orphans = await orphansIn(folder, id, orphanSeconds);
    let taken = 0;
    for (const orphan of orphans) taken += await takeOver(orphan);
    if (taken > 0) segments.sort((a, b) => (a.name < b.name ? -1 : 1));
    return taken;
  }

  async function takeOver(orphan: string): Promise<number> {
    let taken = 0;
    for (const name of await readdir(orphan).catch(() => [])) {
      if (!name.endsWith(suffix)) continue;
      try {
        // Of two that try, one finds it gone.
        await rename(join(orphan, name), join(own, name));
        segments.push({ name, bytes: (await stat(join(own, name))).size });
        taken += 1;
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    }
    await unlink(join(orphan, aliveFile)).catch(() => undefined);
    // Not empty means that somebody lives there after all.
    await rmdir(orphan).catch(() => undefined);
    return taken;
  }

  function total(): number {
    return segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  /** One at a time: a segment must not be read, and then removed, while rows are added to it. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  }

  return {
    append: (rows) => inTurn(() => append(rows)),
    oldest: () => inTurn(oldest),
    isEmpty: () => segments.length === 0,
    bytes: total,
    tend: () => inTurn(tend),
    async close() {
      await unlink(join(own, aliveFile)).catch(() => undefined);
      await rmdir(own).catch(() => undefined);
    },
  };
}

async function orphansIn(
  folder: string,
  ownId: string,
  orphanSeconds: number,
): Promise<readonly string[]> {
  const orphans: string[] = [];
  for (const name of await readdir(folder)) {
    if (name === ownId) continue;
    const path = join(folder, name);
    // Without its sign of life the folder was left in order: only its own age counts.
    const seen = await stat(join(path, aliveFile)).catch(() => stat(path).catch(() => null));
    if (seen !== null && Date.now() - seen.mtimeMs > orphanSeconds * 1000) orphans.push(path);
  }
  return orphans;
}

async function touch(own: string): Promise<void> {
  const now = new Date();
  try {
    await utimes(join(own, aliveFile), now, now);
  } catch (error) {
    if (!isMissing(error)) throw error;
    await mkdir(own, { recursive: true, mode: 0o700 });
    await writeFile(join(own, aliveFile), '', { mode: 0o600 });
  }
}

/** A new name survives a power cut only when its folder is synced too. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
