import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, renameSync, rmSync, watch as openWatcher, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  watchProject,
  type OpenFolderWatcher,
  type ProjectWatch,
  type ProjectWatchEvents,
} from '../../../apps/project/watch';
import { removeProject, writeProject } from '../../support/project/folder';

let folder: string;
let watch: ProjectWatch;
let changes: number;
let problems: string[];

const events: ProjectWatchEvents = {
  changed: () => (changes += 1),
  limitReached: (message, next) => problems.push(`${message}; ${next}`),
};

beforeEach(() => {
  folder = writeProject();
  changes = 0;
  problems = [];
  watch = watchProject(folder, events);
});
afterEach(() => {
  watch.close();
  removeProject(folder);
});

const write = (path: string) => writeFileSync(join(folder, path), '// changed\n');

async function until(count: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (changes < count && Date.now() < deadline) await pause(20);
  expect(changes).toBeGreaterThanOrEqual(count);
}

describe('watching a project', () => {
  test('reports files of the project and of its folders, and several of one save as one', async () => {
    write('stages/index.ts');
    write('perennial.config.ts');
    await until(1);
    await pause(500);
    expect(changes).toBe(1);
    write('sql/features.sql');
    await until(2);
  });

  test('reports files of a folder that is created later', async () => {
    mkdirSync(join(folder, 'steps'));
    await until(1);
    write('steps/score.py');
    await until(2);
  });

  test('reports every save of a file that an editor replaced', async () => {
    write('stages/index.ts~');
    renameSync(join(folder, 'stages/index.ts~'), join(folder, 'stages/index.ts'));
    await until(1);
    await pause(500);
    const before = changes;
    write('stages/index.ts');
    await until(before + 1);
  });

  test('reports files of a folder in a new folder', async () => {
    mkdirSync(join(folder, 'steps', 'text'), { recursive: true });
    await until(1);
    await pause(500);
    const before = changes;
    write('steps/text/score.py');
    await until(before + 1);
  });

  test('ignores tables, packages and the state of the platform', async () => {
    mkdirSync(join(folder, 'node_modules'));
    mkdirSync(join(folder, '.perennial'));
    await pause(500);
    const before = changes;
    write('data/customers.csv');
    write('node_modules/index.ts');
    write('.perennial/client.json');
    await pause(500);
    expect(changes).toBe(before);
  });

  test('reports files of a folder that was removed and made again', async () => {
    rmSync(join(folder, 'sql'), { recursive: true });
    mkdirSync(join(folder, 'sql'));
    await until(1);
    await pause(500);
    const before = changes;
    write('sql/features.sql');
    await until(before + 1);
  });

  test('continues while folders appear and disappear', async () => {
    const script = 'for i in $(seq 1500); do mkdir -p a/b/c; rm -r a; done';
    await once(spawn('bash', ['-c', script], { cwd: folder, stdio: 'ignore' }), 'exit');
    await pause(500);
    const before = changes;
    write('stages/index.ts');
    await until(before + 1);
  });

  test('continues when a folder disappears before it can be watched', async () => {
    watch.close();
    const removing: OpenFolderWatcher = (path, listener) => {
      if (path.endsWith('steps')) rmSync(path, { recursive: true });
      return openWatcher(path, listener);
    };
    watch = watchProject(folder, events, removing);
    mkdirSync(join(folder, 'steps'));
    await pause(500);
    const before = changes;
    write('stages/index.ts');
    await until(before + 1);
  });

  test('names the setting when the system watches no more files, once', async () => {
    watch.close();
    const full: OpenFolderWatcher = (path, listener) => {
      if (path === folder) return openWatcher(path, listener);
      throw Object.assign(new Error('ENOSPC: limit of watchers'), { code: 'ENOSPC' });
    };
    watch = watchProject(folder, events, full);
    mkdirSync(join(folder, 'steps'));
    await pause(500);
    expect(problems).toEqual([
      expect.stringMatching(/cannot watch .* for changes.*; .*fs\.inotify\.max_user_watches=/),
    ]);
    const before = changes;
    write('perennial.config.ts');
    await until(before + 1);
  });
});
