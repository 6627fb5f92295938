import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { watchProject, type ProjectWatch } from '../../../apps/project/watch';
import { removeProject, writeProject } from '../../support/project/folder';

let folder: string;
let watch: ProjectWatch;
let changes: number;

beforeEach(() => {
  folder = writeProject();
  changes = 0;
  watch = watchProject(folder, () => (changes += 1));
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
});
