/**
 * Keeps the checkpoint of a job of this machine in the artifact store, so that another worker can
 * continue it. In the job's area, `checkpoint.json` lists the files of the newest two checkpoints,
 * and `blobs/` has them by their digest.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { FileContent, JobArea } from '../../../../data/artifact/job-area';
import type { Digest } from '../../../../domain/artifact';
import { isPerennialError } from '../../../../domain/failure';
import { remoteCheckpointSchema, type RemoteFile } from '../remote/remote-files.schema';
import type { AreaClaim } from './area-claim';
import type { CheckpointFile, JobDirectory } from './job-directory';

const storedSchema = remoteCheckpointSchema.omit({ superseded: true }).extend({
  /** The attempt that wrote it. */
  writer: z.string(),
  /** The metrics until then. */
  metrics: z.string(),
  memoryBytes: z.number(),
});

export type StoredCheckpoint = z.output<typeof storedSchema>;

export interface CheckpointMirror {
  /**
   * Brings the checkpoint of another worker into the folder, unless the folder has a newer one. If
   * it is interrupted, the next call begins again.
   */
  restore(): Promise<void>;
  /** Uploads the newest checkpoint if it is new. Calls during an upload share it. */
  save(): Promise<void>;
}

const index = 'checkpoint.json';
const blobs = 'blobs/';
const metricsBytes = 2 ** 20;
const restoreAttempts = 3;
const formatBlobPath = (digest: Digest): string => `${blobs}${digest.slice('sha256:'.length)}`;

export async function storedCheckpoint(area: JobArea): Promise<StoredCheckpoint | null> {
  const text = await area.read(index);
  return text && storedSchema.parse(JSON.parse(text.toString('utf8')));
}

function restoreMetrics(directory: JobDirectory, { metrics }: StoredCheckpoint): void {
  rmSync(directory.file('metrics.ndjson'), { force: true });
  writeFileSync(directory.file('metrics.ndjson'), metrics, { flag: 'wx', mode: 0o600 });
}

interface CopiedFile extends CheckpointFile {
  readonly content: FileContent;
  /** Null if the store has it. */
  readonly copy: string | null;
}

export function openCheckpointMirror({
  area,
  claim,
  directory,
  memoryBytes,
}: {
  readonly area: JobArea;
  readonly claim: AreaClaim;
  readonly directory: JobDirectory;
  readonly memoryBytes: number;
}): CheckpointMirror {
  const writer = randomUUID();
  /** The files of the newest checkpoint in the store, by their version. */
  const known = new Map<string, FileContent>();
  let newest: readonly RemoteFile[] | null = null;
  let saved = '';
  let saving: Promise<void> | null = null;

  async function save(): Promise<void> {
    const found = directory.checkpoint();
    const state = JSON.stringify(found);
    if (found.length === 0 || state === saved) return;
    const copies = directory.file(`.mirror-${randomUUID()}`);
    mkdirSync(copies, { mode: 0o700 });
    try {
      const files = await copyNew(found, copies);
      // The job has just replaced the checkpoint.
      if (files === null) return;
      await store(files);
      saved = state;
    } finally {
      rmSync(copies, { recursive: true, force: true });
    }
  }

  /** Copies new files before any upload, because the job may replace its checkpoint at any time. */
  async function copyNew(
    found: readonly CheckpointFile[],
    copies: string,
  ): Promise<readonly CopiedFile[] | null> {
    const files: CopiedFile[] = [];
    for (const [number, { path, version }] of found.entries()) {
      const seen = known.get(version);
      const copy = join(copies, String(number));
      const content = seen ?? (await directory.copyCheckpointFile(path, copy));
      if (content === null) return null;
      files.push({ path, version, content, copy: seen ? null : copy });
    }
    return files;
  }

  async function store(files: readonly CopiedFile[]): Promise<void> {
    // Another worker has taken over, because this one seemed to be dead.
    if (!(await claim.isValid())) return;
    const before = newest ?? (await storedCheckpoint(area))?.files ?? [];
    const present = new Set(await area.names(blobs));
    for (const { content, copy } of files)
      if (copy !== null && !present.has(formatBlobPath(content.digest)))
        await area.upload(formatBlobPath(content.digest), copy, content);
    const listed = files.map(({ path, content }) => ({ path, ...content }));
    const metrics = await directory.tail('metrics.ndjson', metricsBytes);
    await area.write(index, { writer, files: listed, before, metrics, memoryBytes });
    directory.keepMirrored(writer);
    newest = listed;
    // An earlier checkpoint may have more files, which are not kept in the store.
    known.clear();
    for (const { version, content } of files) known.set(version, content);
    const needed = new Set([...listed, ...before].map(({ digest }) => formatBlobPath(digest)));
    await area.remove([...present].filter((name) => !needed.has(name)));
  }

  /** Returns false if a file is missing. */
  async function fetch(stored: StoredCheckpoint, files: readonly RemoteFile[]): Promise<boolean> {
    const present = new Set(await area.names(blobs));
    if (files.length === 0 || !files.every(({ digest }) => present.has(formatBlobPath(digest))))
      return false;
    const fetched = directory.file(`.fetched-${randomUUID()}`);
    try {
      for (const file of files) {
        const path = join(fetched, file.path);
        mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
        await area.download(formatBlobPath(file.digest), path, file);
      }
      rmSync(directory.file('checkpoint'), { recursive: true, force: true });
      renameSync(fetched, directory.file('checkpoint'));
    } catch (error) {
      if (isPerennialError(error) && error.type === 'ArtifactMissing') return false;
      throw error;
    } finally {
      rmSync(fetched, { recursive: true, force: true });
    }
    restoreMetrics(directory, stored);
    directory.keepMirrored(stored.writer);
    return true;
  }

  async function restore(): Promise<void> {
    // Another worker that seems to be dead may still replace its checkpoints meanwhile.
    for (let attempt = 0; attempt < restoreAttempts; attempt += 1) {
      const stored = await storedCheckpoint(area);
      if (stored === null) return;
      if (directory.mirrored() === stored.writer) return;
      if (await fetch(stored, stored.files)) return;
      if (await fetch(stored, stored.before)) return;
      // By its metrics, the job knows that it starts again, and logs it.
      if (directory.checkpoint().length === 0) restoreMetrics(directory, stored);
    }
  }

  return {
    restore,
    save: () => (saving ??= save().finally(() => (saving = null))),
  };
}
