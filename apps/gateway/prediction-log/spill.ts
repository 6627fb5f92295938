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
import { types } from 'node:util';
import { failure } from '../../../domain/failure';

/** Rows that wait on disk, in order, in segments of NDJSON. */
export interface Spill<Row> {
  /** The folder of this process. Another one takes over its files when this one is dead. */
  readonly folder: string;
  /**
   * Append rows; they are synced to disk when it resolves. Rejects when the disk refuses them, or
   * with StorageUnavailable when `whenFull` is `refuse` and they exceed `maxBytes`.
   */
  append(rows: readonly Row[]): Promise<void>;
  /**
   * The oldest segment that is not set aside, closed to further rows; null when nothing waits.
   * Remove it when its rows are stored elsewhere.
   */
  oldest(): Promise<SpillSegment<Row> | null>;
  /** Whether no segment waits. Those that are set aside do not count. */
  isEmpty(): boolean;
  bytes(): number;
  /**
   * Record that this process is alive, and take over segments of dead processes. Returns their
   * number.
   */
  tend(): Promise<number>;
  /** Stop, and leave waiting segments to another process. */
  close(): Promise<void>;
}

export interface SpillSegment<Row> {
  /**
   * The rows of the segment, in order. They are read in batches, so that no batch blocks the event
   * loop for long.
   */
  batches(rows: number): Generator<readonly Row[]>;
  /** Let later segments go first. Its file stays, so that a kill loses no rows. */
  setAside(): Promise<void>;
  remove(): Promise<void>;
}

export interface SpillOptions {
  /** The folder, which any number of processes may share; each has its own subfolder. */
  readonly folder: string;
  readonly segmentBytes: number;
  readonly maxBytes: number;
  /** Beyond `maxBytes`, `drop` (the default) drops the oldest rows, and `refuse` refuses new ones. */
  readonly whenFull?: 'drop' | 'refuse';
  /**
   * A folder without a sign of life for this long belongs to a dead process. Longer than any pause
   * of a live process.
   */
  readonly orphanSeconds: number;
  /**
   * Called with rows that were dropped for lack of space, or with lines that a crash left
   * incomplete.
   */
  readonly onLost: (rows: number, reason: 'full' | 'torn') => void;
  /** Called with the folder of a dead process before it is removed, for files that are not rows. */
  readonly onTakeOver?: (orphan: string) => Promise<void>;
}

const aliveFile = 'alive';
const suffix = '.ndjson';

export async function openSpill<Row>({
  folder,
  segmentBytes,
  maxBytes,
  whenFull = 'drop',
  orphanSeconds,
  onLost,
  onTakeOver,
}: SpillOptions): Promise<Spill<Row>> {
  const id = randomBytes(6).toString('hex');
  const own = join(folder, id);
  /** Names sort by the start time of their segment; the sizes are those of closed segments. */
  const segments: { readonly name: string; bytes: number; isSetAside?: true }[] = [];
  let writing: string | null = null;
  let sequence = 0;
  let last: Promise<unknown> = Promise.resolve();
  await mkdir(own, { recursive: true, mode: 0o700 });
  await writeFile(join(own, aliveFile), '', { mode: 0o600 });

  async function append(rows: readonly Row[]): Promise<void> {
    if (rows.length === 0) return;
    const text = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    if (whenFull === 'refuse' && total() + text.byteLength > maxBytes)
      throw failure('StorageUnavailable', `${folder} has reached its limit of ${maxBytes} bytes`);
    let segment = segments.at(-1);
    // A file of the same name would replace the one that another process has taken over, once that
    // process takes over this one as well.
    const fresh =
      segment === undefined ||
      segment.name !== writing ||
      segment.bytes >= segmentBytes ||
      !(await exists(join(own, segment.name)));
    if (segment === undefined || fresh) {
      sequence += 1;
      writing = `${String(Date.now()).padStart(15, '0')}-${id}-${String(sequence).padStart(9, '0')}${suffix}`;
      segment = { name: writing, bytes: 0 };
    }
    // Opened by its path each time. If another process has taken over the segments, a new one
    // starts.
    await mkdir(own, { recursive: true, mode: 0o700 });
    const path = join(own, segment.name);
    try {
      await appendSynced(path, text, segment.bytes);
      if (fresh) await syncFolder(own);
    } catch (error) {
      // No segment names the file, so only another process would read it: rows that were refused.
      if (fresh) await rm(path, { force: true }).catch(() => undefined);
      throw error;
    }
    if (fresh) segments.push(segment);
    segment.bytes += text.byteLength;
    if (whenFull === 'drop') await makeRoom();
  }

  function waiting(): typeof segments {
    return segments.filter(({ isSetAside }) => isSetAside !== true);
  }

  async function makeRoom(): Promise<void> {
    while (waiting().length > 1 && total() > maxBytes) {
      const [oldestSegment] = waiting();
      if (oldestSegment === undefined) return;
      const text = await readSegment(oldestSegment.name);
      await remove(oldestSegment.name);
      onLost(text.split('\n').length - 1, 'full');
    }
  }

  async function oldest(): Promise<SpillSegment<Row> | null> {
    for (let [segment] = waiting(); segment !== undefined; [segment] = waiting()) {
      const { name } = segment;
      if (name === writing) writing = null;
      const lines = (await readSegment(name)).split('\n').filter((line) => line !== '');
      if (lines.length > 0)
        return {
          batches: (rows) => batchLines(lines, rows),
          setAside: () => inTurn(() => setAside(name)),
          remove: () => inTurn(() => remove(name)),
        };
      await remove(name);
    }
    return null;
  }

  function* batchLines(lines: readonly string[], size: number): Generator<readonly Row[]> {
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

  /** Returns nothing when another process took it over. */
  async function readSegment(name: string): Promise<string> {
    try {
      return await readFile(join(own, name), 'utf8');
    } catch (error) {
      if (isMissing(error)) return '';
      throw error;
    }
  }

  function setAside(name: string): Promise<void> {
    const segment = segments.find((each) => each.name === name);
    if (segment !== undefined) segment.isSetAside = true;
    return Promise.resolve();
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
        // If two processes race, the second rename fails.
        await rename(join(orphan, name), join(own, name));
        segments.push({ name, bytes: (await stat(join(own, name))).size });
        taken += 1;
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    }
    await onTakeOver?.(orphan);
    await unlink(join(orphan, aliveFile)).catch(() => undefined);
    // A folder that is not empty still belongs to a live process.
    await rmdir(orphan).catch(() => undefined);
    return taken;
  }

  function total(): number {
    return segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  /** One at a time, so that no rows are added to a segment while it is read and removed. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  }

  return {
    folder: own,
    append: (rows) => inTurn(() => append(rows)),
    oldest: () => inTurn(oldest),
    isEmpty: () => waiting().length === 0,
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
    // Without a sign of life only the age of the folder counts.
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

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Write behind the first `bytes` of a file, and sync it. */
async function appendSynced(path: string, text: Buffer, bytes: number): Promise<void> {
  const file = await open(path, 'a', 0o600);
  try {
    // Otherwise a line that a full disk cut off would merge with the next one.
    const size = (await file.stat()).size;
    if (size > bytes) await file.truncate(bytes);
    await file.writeFile(text);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** A new name survives a power failure only after its folder was synced. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function isMissing(error: unknown): boolean {
  return types.isNativeError(error) && 'code' in error && error.code === 'ENOENT';
}
