/** Watches the files of a project. */
import { existsSync, readdirSync, watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';

export interface ProjectWatch {
  close(): void;
}

/** Files that a build or a deployment reads. Tables are read by runs, so they need no deployment. */
const watched = /\.(ts|json|sql|ya?ml|ndjson|jsonl|py|txt|toml)$/;
/** Editors write a file in several steps, and write several files at once. */
const quietMs = 200;

/** Calls `changed` once after each group of changes. Installed packages are not watched. */
export function watchProject(folder: string, changed: () => void): ProjectWatch {
  // One watcher for each folder. On Linux, the recursive watcher of Node 20 no longer sees a file
  // that an editor or `sed -i` has replaced.
  const watchers = new Map<string, FSWatcher>();
  let timer: NodeJS.Timeout | undefined;
  const seen = (file: string | null): void => {
    const before = watchers.size;
    watchFolders();
    const isNewFolder = watchers.size > before;
    if (!isNewFolder && file !== null && !watched.test(file)) return;
    clearTimeout(timer);
    timer = setTimeout(changed, quietMs);
  };
  const watchFolders = (): void => {
    const folders = new Set(sourceFolders(folder));
    for (const [path, watcher] of watchers) {
      if (folders.has(path)) continue;
      watcher.close();
      watchers.delete(path);
    }
    for (const path of folders) {
      if (watchers.has(path) || !existsSync(path)) continue;
      const watcher = watch(path, (_, file) => seen(file));
      // The folder was removed. It is watched again when it is back.
      watcher.on('error', () => {
        watcher.close();
        watchers.delete(path);
      });
      watchers.set(path, watcher);
    }
  };
  watchFolders();
  return {
    close() {
      clearTimeout(timer);
      for (const watcher of watchers.values()) watcher.close();
    },
  };
}

/** The folder and the folders in it, except packages and the state of the platform. */
function sourceFolders(folder: string): readonly string[] {
  // It may have been removed since its parent was read.
  if (!existsSync(folder)) return [];
  const inside = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .filter((name) => !name.startsWith('.') && name !== 'node_modules');
  return [folder, ...inside.flatMap((name) => sourceFolders(join(folder, name)))];
}
