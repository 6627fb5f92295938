import { linkSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { chmod, copyFile, mkdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactStore } from '../../../../data/artifact/store';
import { shareInFlight } from '../../../../data/share-in-flight';
import type { ArtifactRef } from '../../../../domain/dataset/artifact';

/**
 * Inputs of jobs on this machine, one file a digest, which the directories of jobs link to. What no
 * directory links to any more, nobody needs.
 */
export interface InputCache {
  /** Makes the input readable at `path`; fetched only when no job of this machine has it. */
  place(artifact: ArtifactRef, path: string, signal: AbortSignal): Promise<void>;
  /** Removes what no job's directory links to. */
  sweep(): void;
}

/**
 * Of a file as it was verified: one that was written to since has another time, and is not handed
 * to anybody else.
 */
const verifiedAt = new Date(0);
const forgottenMs = 3_600_000;
/**
 * A sweep may come between the fetch and the link. Where files keep no time, each job has its own.
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
        if (isAsVerified(cached, artifact) && (await linked(cached, path))) return;
        const fetched = shareInFlight(fetching, cached, () => fetch(artifact, cached));
        // Others may wait for the same.
        await unlessAborted(fetched, signal);
      }
      await artifacts.toFile(artifact, path, { signal });
    },

    sweep() {
      for (const name of readdirSync(folder)) {
        const cached = join(folder, name);
        const found = statSync(cached, { throwIfNoEntry: false });
        if (found?.nlink !== 1) continue;
        // Whoever was about to link to it fetches it again; one that is still written belongs to
        // somebody, or to a worker that was killed.
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

async function linked(cached: string, path: string): Promise<boolean> {
  rmSync(path, { force: true });
  try {
    linkSync(cached, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return false;
    // As many links as the file system allows, or none.
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
