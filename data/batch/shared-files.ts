/**
 * Files of artifacts that many chunks read. A worker fetches and verifies each once, keeps it while
 * a chunk reads it, and removes it when it is idle.
 */
import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ArtifactRef } from '../../domain/artifact';
import type { ArtifactStore } from '../artifact/store';
import { openScratch, type Scratch } from '../scratch';

export interface SharedFiles {
  /** Calls `work` with the path of the verified file, which stays there until `work` ends. */
  use<T>(ref: ArtifactRef, signal: AbortSignal, work: (path: string) => Promise<T>): Promise<T>;
}

interface Part {
  readonly path: string;
  readonly bytes: number;
  readonly fetched: Promise<void>;
  users: number;
  usedAt: number;
  removal: NodeJS.Timeout | undefined;
}

/** Milliseconds that an unused file stays. */
const idleMs = 120_000;

export function openSharedFiles({
  artifacts,
  scratchRoot,
  maxBytes = 20 * 2 ** 30,
}: {
  readonly artifacts: Pick<ArtifactStore, 'toFile'>;
  readonly scratchRoot: string;
  /** Unused files are removed, the oldest first, while all files have more bytes. */
  readonly maxBytes?: number;
}): SharedFiles {
  const parts = new Map<string, Part>();
  // The sweep at the start of a worker removes the folder of one that was killed.
  let folder: Promise<Scratch> | undefined;
  let fetches = 0;

  async function fetch(ref: ArtifactRef, path: string): Promise<void> {
    await mkdir(dirname(path), { recursive: true });
    await artifacts.toFile(ref, path);
  }

  async function open(ref: ArtifactRef): Promise<Part> {
    const scratch = await (folder ??= openScratch(scratchRoot, 'batch-parts'));
    const known = parts.get(ref.digest);
    if (known) return known;
    // A new path each time: the file of an earlier fetch may just be being removed.
    const path = scratch.path(`${(fetches += 1)}.parquet`);
    const fetched = fetch(ref, path);
    const part = { path, bytes: ref.bytes, fetched, users: 0, usedAt: 0, removal: undefined };
    parts.set(ref.digest, part);
    fetched.catch(() => parts.delete(ref.digest));
    return part;
  }

  function remove(digest: string, part: Part): void {
    if (part.users > 0 || parts.get(digest) !== part) return;
    parts.delete(digest);
    clearTimeout(part.removal);
    void rm(part.path, { force: true }).catch(() => undefined);
  }

  function makeRoom(): void {
    let total = [...parts.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    const unused = [...parts].filter(([, { users }]) => users === 0);
    for (const [digest, part] of unused.sort(([, a], [, b]) => a.usedAt - b.usedAt)) {
      if (total <= maxBytes) return;
      total -= part.bytes;
      remove(digest, part);
    }
  }

  return {
    async use(ref, signal, work) {
      const part = await open(ref);
      part.users += 1;
      clearTimeout(part.removal);
      try {
        // The fetch goes on after an abort, because other chunks may wait for the file.
        await untilAborted(part.fetched, signal);
        return await work(part.path);
      } finally {
        part.users -= 1;
        part.usedAt = Date.now();
        if (part.users === 0)
          part.removal = setTimeout(() => remove(ref.digest, part), idleMs).unref();
        makeRoom();
      }
    },
  };
}

function untilAborted(fetched: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    fetched.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
