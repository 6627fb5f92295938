import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clearScratch, openScratch } from '../../data/scratch';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'scratch-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

test('a scratch folder is private, unique, and removed by dispose', async () => {
  const one = await openScratch(join(root, 'new'), 'ingest-run_1/x');
  const other = await openScratch(join(root, 'new'), 'ingest-run_1/x');
  expect(one.folder).not.toBe(other.folder);
  expect((await stat(one.folder)).mode & 0o777).toBe(0o700);
  await writeFile(one.path('a'), 'a');
  await one.dispose();
  await one.dispose();
  expect(await readdir(join(root, 'new'))).toEqual([expect.stringMatching(/^ingest-run_1-x\./)]);
});

test('only folders of ended processes of this host are removed', async () => {
  const mine = await openScratch(root, 'alive');
  const name = mine.folder.split('/').at(-1) ?? '';
  const [label, host = '', pid = '', started = ''] = name.split('.');
  expect(label).toBe('alive');
  const dead = spawnSync('true').pid;
  const kept = [
    name,
    `label.another-host.${dead}.${started}.x`,
    `label.${host}.${process.ppid}.${Date.now()}.x`,
  ];
  const left = [
    `label.${host}.${dead}.${started}.x`,
    // The same pid, reused after the process that made the folder ended.
    `label.${host}.${pid}.${Number(started) - 5000}.x`,
    `label.${host}.${process.ppid}.1000.x`,
  ];
  for (const folder of [...kept.slice(1), ...left])
    await mkdir(join(root, folder, 'inside'), { recursive: true });
  expect(await clearScratch(root)).toBe(3);
  expect((await readdir(root)).sort()).toEqual([...kept].sort());
});

test('a missing root is no error', async () => {
  expect(await clearScratch(join(root, 'none'))).toBe(0);
});
