import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { readLifecycleFolder } from '../../apps/cli/lifecycle/folder';
import { checkLifecycle } from '../../data/lifecycle/check-lifecycle';
import { openTrainerCatalog } from '../../data/training/catalog';
import { formatIssue } from '../../domain/document/issue-text';
import { readLocatedLifecycle } from '../../domain/lifecycle/located-document';
import { sabotaged } from '../../samples/flight-delay/demo';
import { flightDelayYear, yearLifecycle } from '../../samples/flight-delay/year';

const root = resolve(__dirname, '..', '..');
const trainers = openTrainerCatalog(join(root, 'trainers'));
const sample = readLifecycleFolder(join(root, 'samples', 'flight-delay'), '.');
const year = yearLifecycle(sample, { folder: '/data/year', speed: flightDelayYear.speed });

test.each([
  ['of the year', year],
  ['with shuffled labels', sabotaged(year)],
])('the lifecycle %s is valid, and events and alarms start its runs', async (_, given) => {
  const { folder, fileName } = sample;
  const { files } = given;
  const placed = readLocatedLifecycle({
    document: stringify(given.document),
    fileName,
    files,
    folder,
  });
  const { issues } = await checkLifecycle(
    { placed, name: 'flight-delay', fileName, files },
    { trainers, tables: null },
  );
  expect(issues.map(formatIssue)).toEqual([]);
  expect(given.document).toMatchObject({
    spec: {
      data: { sources: { flights: { uri: 'file:///data/year/flights.parquet' } } },
      triggers: { events: [flightDelayYear.event] },
      monitor: { onAlarm: 'retrain' },
    },
  });
});
