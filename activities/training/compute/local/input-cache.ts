import { linkSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { chmod, copyFile, mkdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactStore } from '../../../../data/artifact/store';
import { shareConcurrentCalls } from '../../../../data/share-in-flight';
import type { ArtifactRef } from '../../../../domain/artifact';

/**
 * Inputs of jobs on this machine, stored once per digest and hard-linked into job directories. A
 * file without such a link is not used any more.
 */
export interface InputCache {
  /** Places the input at `path`. Fetches it only if no job of this machine has it. */
  place(artifact: ArtifactRef, path: string, signal: AbortSignal): Promise<void>;
  /** Removes the files that no job directory links to. */
  sweep(): void;
}

/** Set on verified files. A file that was written to since has another time and is not reused. */
const verifiedAt = new Date(0);
const forgottenMs = 3_600_000;
/**
 * Attempts per input, because a sweep may come between fetch and link. On a file system without
 * this time, each job gets its own copy.
 */
const rounds = 5;

export function createInputCache(
  folder: string,
  artifacts: Pick<ArtifactStore, 'toFile'>,
): InputCache {
  const fetching = new Map<string, Promise<void>>();
  mkdirSync(folder, { recursive: true, mode: 0o700 });

  async function fetch(artifact: ArtifactRef, cached: string): Promise<void> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await artifacts.toFile(artifact, cached);
    // A job may run as another user: the job's folder decides who can read the inputs, and the
    // files themselves are read-only.
    await chmod(cached, 0o444);
    await utimes(cached, verifiedAt, verifiedAt);
  }

  return {
    async place(artifact, path, signal) {
      const cached = join(folder, artifact.digest.replace(':', '-'));
      for (let round = 1; round <= rounds; round += 1) {
        signal.throwIfAborted();
        if (isAsVerified(cached, artifact) && (await linkCached(cached, path))) return;
        const fetched = shareConcurrentCalls(fetching, cached, () => fetch(artifact, cached));
        // Not cancelled with this job, because other jobs may wait for the same fetch.
        await unlessAborted(fetched, signal);
      }
      await artifacts.toFile(artifact, path, { signal });
    },

    sweep() {
      for (const name of readdirSync(folder)) {
        const cached = join(folder, name);
        const found = statSync(cached, { throwIfNoEntry: false });
        if (found?.nlink !== 1) continue;
        // A job that was about to link a removed file fetches it again. A file that is not verified
        // may still be in transfer, or was left by a killed worker.
        if (found.mtimeMs === verifiedAt.getTime() || found.mtimeMs < Date.now() - forgottenMs)
          rmSync(cached, { force: true });
      }
    },
  };
}

function isAsVerified(cached: string, { bytes }: ArtifactRef): boolean {
  const found = statSync(cached, { throwIfNoEntry: false });
  return found?.size === bytes && found.mtimeMs === verifiedAt.getTime();
}

async function linkCached(cached: string, path: string): Promise<boolean> {
  rmSync(path, { force: true });
  try {
    linkSync(cached, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return false;
    // The file system's limit of links is reached, or it has no links.
    if (code !== 'EMLINK' && code !== 'EPERM' && code !== 'ENOTSUP') throw error;
    await copyFile(cached, path);
  }
  return true;
}

async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  let leave: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason as Error);
    signal.addEventListener('abort', leave, { once: true });
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
