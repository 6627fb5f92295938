import { execFileSync } from 'node:child_process';
import { dirname, resolve } from 'node:path';

const root = resolve(__dirname, '..');
const maxFiles = 20;
const exempt = [
  // drizzle-kit writes a file for each migration into both, and finds them only there.
  'db/migrations',
  'db/migrations/meta',
  // Tools and people look for licence, settings and the like only here.
  '.',
];
/** The index of a folder is none of its files. */
const index = /\/README\.md$/;

/** A folder with more files needs a subfolder. */
test(`no folder has more than ${maxFiles} files`, () => {
  const list = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' });
  const counts = new Map<string, number>();
  for (const file of list.split('\0').filter((path) => path !== '' && !index.test(path))) {
    counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
  }
  expect(
    [...counts].filter(([folder, files]) => files > maxFiles && !exempt.includes(folder)),
  ).toEqual([]);
});
