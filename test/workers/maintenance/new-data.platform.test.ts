import type { ModelLifecycleSpec } from '../../../domain/lifecycle/lifecycle';
import { openLog } from '../../../workers/log';
import { sweepOutbox } from '../../../workers/maintenance/sweeper';
import { fakeIndexes } from '../../apps/api/support/fake-indexes';
import { fakeLifecycles } from '../../apps/api/support/fake-lifecycles';
import { fakeSchedules } from '../../apps/api/support/fake-schedules';
import {
  toDigest,
  openTestRegistry,
  refTo,
  spec,
  tenant,
  unique,
  type TestRegistry,
} from '../../db/registry-fixture';

let test_: TestRegistry;
beforeAll(async () => {
  test_ = await openTestRegistry();
});
afterAll(() => test_.close());

const dataset = 'landings.flights';
/** A lifecycle that reads this source. */
const reader = async (uri: string, newData: boolean): Promise<string> => {
  const name = unique('reader');
  const source = { name: 'flights', uri, format: 'parquet', time: null, contract: null } as const;
  const stored: ModelLifecycleSpec = {
    ...spec,
    name,
    data: { ...spec.data, sources: [source] },
    triggers: { events: [], newData, secrets: [] },
  };
  const revision = {
    lifecycle: name,
    digest: toDigest(name),
    spec: stored,
    files: { 'a.sql': refTo('a') },
    contracts: {},
  };
  await test_.registry.lifecycles.apply({ tenant, revision, actor: 'key:test' });
  return name;
};
const moveTo = async (version: number) => {
  const { registry } = test_;
  await registry.datasets.register({
    tenant,
    dataset,
    manifest: refTo(`rows ${version}`),
    rows: version,
    columns: [],
    runId: null,
    idempotencyKey: `register/${version}`,
  });
  await registry.datasets.moveAlias({
    tenant,
    dataset,
    alias: 'approved',
    version,
    actor: 'key:ann',
    cause: 'approved',
    idempotencyKey: `move/${version}`,
  });
};
const sweep = () =>
  sweepOutbox({
    registry: test_.registry,
    lifecycles: fakeLifecycles(),
    schedules: fakeSchedules(),
    indexes: fakeIndexes(),
    log: openLog('test', 'silent'),
  });
const listReasons = async (lifecycle: string) =>
  (await test_.registry.runs.list({ tenant, lifecycle, pageSize: 9 })).items.map(
    ({ request }) => request.reason,
  );

test('a new version behind an alias starts one run of each lifecycle that asks for it', async () => {
  const asks = await reader(`dataset://${dataset}@approved`, true);
  const quiet = await reader(`dataset://${dataset}@approved`, false);
  const pinned = await reader(`dataset://${dataset}@1`, true);
  await moveTo(1);
  await moveTo(2);
  await sweep();
  await sweep();
  expect(await listReasons(asks)).toEqual([`${dataset}@approved is now version 1`]);
  for (const each of [quiet, pinned]) expect(await listReasons(each)).toEqual([]);
});
