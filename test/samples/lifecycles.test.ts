import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readLifecycleFolder } from '../../apps/cli/lifecycle/folder';
import { checkLifecycle } from '../../data/lifecycle/check-lifecycle';
import { openTrainerCatalog } from '../../data/training/catalog';
import { formatIssue } from '../../domain/document/issue-text';
import { readLocatedLifecycle } from '../../domain/lifecycle/located-document';

const root = resolve(__dirname, '..', '..');
const samples = join(root, 'samples');
const trainers = openTrainerCatalog(join(root, 'trainers'));
const names = readdirSync(samples).filter((name) =>
  existsSync(join(samples, name, 'lifecycle.yaml')),
);

test.each(names)('the sample %s is valid', async (name) => {
  const { folder, fileName, document, files } = readLifecycleFolder(samples, name);
  const placed = readLocatedLifecycle({ document, fileName, files, folder });
  const { issues } = await checkLifecycle(
    { placed, name, fileName, files },
    { trainers, tables: null },
  );
  expect(issues.map(formatIssue)).toEqual([]);
});
