/** Watches the files of a project. */
import { readdirSync, watch, type FSWatcher } from 'node:fs';
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
  const watchers = new Map<string, FSWatcher>();
  let timer: NodeJS.Timeout | undefined;
  const seen = (file: string | null): void => {
    if (file !== null && !watched.test(file)) return;
    clearTimeout(timer);
    timer = setTimeout(changed, quietMs);
  };
  const watchFolders = (): void => {
    for (const name of sourceFolders(folder)) {
      if (watchers.has(name)) continue;
      const watcher = watch(join(folder, name), { recursive: true }, (_, file) => seen(file));
      // The folder was removed. It is watched again when it is back.
      watcher.on('error', () => {
        watcher.close();
        watchers.delete(name);
      });
      watchers.set(name, watcher);
    }
  };
  const top = watch(folder, (_, file) => {
    const count = watchers.size;
    watchFolders();
    seen(watchers.size > count ? null : file);
  });
  watchFolders();
  return {
    close() {
      clearTimeout(timer);
      for (const watcher of [top, ...watchers.values()]) watcher.close();
    },
  };
}

function sourceFolders(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .filter((name) => !name.startsWith('.') && name !== 'node_modules');
}
