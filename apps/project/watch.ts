/** Watches the files of a project. */
import { lstatSync, readdirSync, watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';

export interface ProjectWatch {
  close(): void;
}

export interface ProjectWatchEvents {
  /** Called once after each group of changes. */
  readonly changed: () => void;
  /** Called once, when the system refuses to watch a folder. The other folders are watched. */
  readonly limitReached: (message: string, next: string) => void;
}

/** `watch` of Node, which tests replace by one that fails. */
export type OpenFolderWatcher = (
  path: string,
  listener: (event: string, file: string | null) => void,
) => FSWatcher;

/** Files that a build or a deployment reads. Runs read tables, so those need no deployment. */
const watched = /\.(ts|json|sql|ya?ml|ndjson|jsonl|py|txt|toml)$/;
/** Editors write a file in several steps, and write several files at once. */
const quietMs = 200;

/** Installed packages and the state of the platform are not watched. */
export function watchProject(
  folder: string,
  { changed, limitReached }: ProjectWatchEvents,
  openWatcher: OpenFolderWatcher = watch,
): ProjectWatch {
  // One watcher for each folder. On Linux, the recursive watcher of Node 20 no longer sees a file
  // that an editor or `sed -i` has replaced.
  const watchers = new Map<string, FSWatcher>();
  let timer: NodeJS.Timeout | undefined;
  let isLimitReported = false;
  const noteChange = (path: string, event: string, file: string | null): void => {
    let hasNewFolder = false;
    // Only a name that appeared or disappeared can be that of a folder.
    if (file === null) hasNewFolder = watchFolders();
    else if (event === 'rename') hasNewFolder = wasRenamed(join(path, file));
    if (!hasNewFolder && file !== null && !watched.test(file)) return;
    clearTimeout(timer);
    timer = setTimeout(changed, quietMs);
  };
  const wasRenamed = (path: string): boolean => {
    const isKnown = watchers.has(path);
    // The watcher of a folder that was removed sees nothing in a new folder of that name.
    for (const each of watchers.keys())
      if (each === path || each.startsWith(join(path, '/'))) forget(each);
    return (isKnown || isFolder(path)) && watchFolders();
  };
  const forget = (path: string): void => {
    watchers.get(path)?.close();
    watchers.delete(path);
  };
  /** Returns whether it watches a folder that it did not watch before. */
  const watchFolders = (): boolean => {
    const folders = new Set(sourceFolders(folder));
    for (const path of watchers.keys()) if (!folders.has(path)) forget(path);
    let hasNewFolder = false;
    for (const path of folders) {
      if (watchers.has(path)) continue;
      const watcher = watchPath(path);
      if (watcher === null) continue;
      // The folder was removed. It is watched again when it is back.
      watcher.on('error', () => forget(path));
      watchers.set(path, watcher);
      hasNewFolder = true;
    }
    return hasNewFolder;
  };
  const watchPath = (path: string): FSWatcher | null => {
    try {
      return openWatcher(path, (event, file) => noteChange(path, event, file));
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (isGone(code)) return null;
      const next = limits[code];
      if (next === undefined) throw error;
      if (!isLimitReported)
        limitReached(`cannot watch ${path} for changes: the limit of the system is reached`, next);
      isLimitReported = true;
      return null;
    }
  };
  watchFolders();
  return {
    close() {
      clearTimeout(timer);
      for (const path of watchers.keys()) forget(path);
    },
  };
}

const limits: Readonly<Record<string, string>> = {
  ENOSPC: 'sudo sysctl fs.inotify.max_user_watches=524288, then start perennial dev again',
  EMFILE: 'sudo sysctl fs.inotify.max_user_instances=1024, then start perennial dev again',
};

/** It was removed or replaced after its parent was read, or may not be read. */
function isGone(code: string | undefined): boolean {
  return ['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'].includes(code ?? '');
}

function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** The folder and the folders in it, except packages and the state of the platform. */
function sourceFolders(folder: string): readonly string[] {
  try {
    const inside = readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .filter((name) => !name.startsWith('.') && name !== 'node_modules');
    return [folder, ...inside.flatMap((name) => sourceFolders(join(folder, name)))];
  } catch (error) {
    if (isGone((error as NodeJS.ErrnoException).code)) return [];
    throw error;
  }
}
