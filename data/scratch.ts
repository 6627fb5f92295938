import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { hostname, uptime } from 'node:os';
import { join } from 'node:path';

/** A private folder for one attempt of one task. */
export interface Scratch {
  readonly folder: string;
  path(name: string): string;
  /** Removes the folder and its contents; does nothing when it does not exist. */
  dispose(): Promise<void>;
}

/**
 * Start of this process in milliseconds. Host, pid and start time identify one process, even after
 * the pid is reused.
 */
const startedAt = Math.floor(performance.timeOrigin);
const host = plain(hostname());

export async function openScratch(root: string, label: string): Promise<Scratch> {
  const folder = join(
    root,
    [plain(label), host, process.pid, startedAt, randomUUID().slice(0, 8)].join('.'),
  );
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return {
    folder,
    path: (name) => join(folder, name),
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}

/**
 * Removes the folders of ended processes of this host and returns their number. Folders of other
 * hosts stay, because hosts may share the root.
 */
export async function clearScratch(root: string): Promise<number> {
  const bootedAt = Date.now() - uptime() * 1000;
  let cleared = 0;
  for (const name of await readdir(root).catch(emptyWhenMissing)) {
    const [, madeOn, pid, startedText] = name.split('.');
    if (madeOn !== host || isAlive(Number(pid), Number(startedText), bootedAt)) continue;
    await rm(join(root, name), { recursive: true, force: true });
    cleared += 1;
  }
  return cleared;
}

function isAlive(pid: number, started: number, bootedAt: number): boolean {
  if (pid === process.pid) return started === startedAt;
  // One minute of tolerance, because uptime and wall clock do not agree exactly.
  if (started < bootedAt - 60_000) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function plain(text: string): string {
  return text.replace(/[^A-Za-z0-9_-]/g, '-').slice(0, 80);
}

function emptyWhenMissing(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}
