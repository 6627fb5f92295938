import { execFileSync } from 'node:child_process';
import { dirname, resolve } from 'node:path';

const root = resolve(__dirname, '..');
const mostFiles = 20;
/** drizzle-kit writes a file for each migration into both, and finds them only there. */
const generated = ['db/migrations', 'db/migrations/meta'];

/** A folder with more files needs a subfolder. */
test(`no folder has more than ${mostFiles} files`, () => {
  const list = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' });
  const counts = new Map<string, number>();
  for (const file of list.split('\0').filter((path) => path !== '')) {
    counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
  }
  expect(
    [...counts].filter(([folder, files]) => files > mostFiles && !generated.includes(folder)),
  ).toEqual([]);
});
