import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(__dirname, '..');
const folders = [
  'domain',
  'workflows',
  'activities',
  'db',
  'data',
  'apps',
  'workers',
  'infra',
  'bench',
  'samples',
  'scripts',
];

function declarations(): ReadonlyMap<string, readonly string[]> {
  const files = new Map<string, string[]>();
  for (const folder of folders)
    for (const path of readdirSync(join(root, folder), {
      recursive: true,
      encoding: 'utf8',
    }).filter((name) => name.endsWith('.ts')))
      for (const [, name = ''] of readFileSync(join(root, folder, path), 'utf8').matchAll(
        /^(?:export )?(?:interface|type) (\w+)\b(?! *[,}])/gm,
      ))
        files.set(name, [...(files.get(name) ?? []), `${folder}/${path}`]);
  return files;
}

test('every type name is declared in one file', () => {
  const shared = [...declarations()].filter(([, files]) => new Set(files).size > 1);
  expect(shared.map(([name, files]) => `${name}: ${files.join(', ')}`)).toEqual([]);
});
