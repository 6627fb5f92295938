import { resolve } from 'node:path';
import { createChildRunActivities } from '../../../activities/project/child-runs';
import type { RunId } from '../../../domain/ids';
import {
  applyLifecycle,
  toDigest,
  openTestRegistry,
  spec,
  startRun,
  tenant,
  unique,
  type TestRegistry,
} from '../../db/registry-fixture';

let world: TestRegistry;
beforeAll(async () => {
  world = await openTestRegistry();
});
afterAll(() => world.close());

const trainersDir = resolve(__dirname, '..', '..', '..', 'trainers');
const activities = () => createChildRunActivities({ registry: world.registry, trainersDir });
const start = (
  runId: RunId,
  lifecycle: string,
  { stage = 'child-a', params = {} }: { readonly stage?: string; readonly params?: object } = {},
) =>
  activities().startChildRun({
    tenant,
    runId,
    stage,
    lifecycle,
    params: { ...params },
    program: { project: 'a', build: toDigest('build') },
  });
const cancellations = () =>
  world.database.sql<{ payload: unknown }[]>`select payload from outbox where topic = 'run.cancel'`;
const audited = async (child: RunId) => {
  const subject = `run:${child}`;
  const of = { tenant, subject, action: 'run.cancel', pageSize: 9 };
  const { items } = await world.registry.audit.list(of);
  return items.map(({ actor, cause }) => ({ actor, cause }));
};
beforeEach(() => world.database.sql`delete from outbox`);

test('a second attempt returns the first child, also when the lifecycle has changed', async () => {
  const { registry } = world;
  const [parent, lifecycle] = [await startRun(registry), unique('child')];
  const digest = await applyLifecycle(registry, lifecycle);
  const first = await start(parent, lifecycle);
  const params = { type: 'object', required: ['region'] };
  const program = { project: 'b', build: toDigest('b'), params, stages: {}, steps: {} };
  await registry.lifecycles.apply({
    tenant,
    revision: {
      lifecycle,
      digest: toDigest('b'),
      spec: { ...spec, name: lifecycle, program: { ...program, files: {}, environment: null } },
      files: {},
      contracts: {},
    },
    actor: 'test',
  });
  expect(await start(parent, lifecycle)).toEqual(first);
  expect(await registry.runs.get({ tenant, id: first.id })).toMatchObject({
    revisionDigest: digest,
    parent: { runId: parent, stage: 'child-a' },
  });
});

test('a cancellation of a child is requested and audited once', async () => {
  const { registry } = world;
  const [parent, lifecycle] = [await startRun(registry), unique('child')];
  await applyLifecycle(registry, lifecycle);
  const { id: child } = await start(parent, lifecycle);
  await activities().cancelChildRun({ tenant, runId: parent, child });
  await activities().cancelChildRun({ tenant, runId: parent, child });
  await registry.runs.update({ tenant, id: parent, status: 'failed' });
  expect(await cancellations()).toEqual([{ payload: { runId: child } }]);
  const cause = `its parent ${parent} no longer waits for it`;
  expect(await audited(child)).toEqual([{ actor: `run:${parent}`, cause }]);
});

test('a run cannot cancel a run that is not its child', async () => {
  const { registry } = world;
  const [parent, other, lifecycle] = [
    await startRun(registry),
    await startRun(registry),
    unique('child'),
  ];
  await applyLifecycle(registry, lifecycle);
  const { id: child } = await start(parent, lifecycle);
  await activities().cancelChildRun({ tenant, runId: other, child });
  await activities().cancelChildRun({ tenant, runId: other, child: parent });
  expect(await cancellations()).toEqual([]);
  expect(await audited(child)).toEqual([]);
});

test('the end of a parent cancels its open children, and names the reason', async () => {
  const { registry } = world;
  const [parent, lifecycle] = [await startRun(registry), unique('child')];
  await applyLifecycle(registry, lifecycle);
  const { id: child } = await start(parent, lifecycle);
  const { id: ended } = await start(parent, lifecycle, { stage: 'child-b' });
  await registry.runs.update({ tenant, id: ended, status: 'failed' });
  await registry.runs.update({ tenant, id: parent, status: 'lost' });
  expect(await cancellations()).toEqual([{ payload: { runId: child } }]);
  const cause = `its parent ${parent} ended as lost`;
  expect(await audited(child)).toEqual([{ actor: `run:${parent}`, cause }]);
  expect(await audited(ended)).toEqual([]);
});

test('a run shows its newest children, oldest first', async () => {
  const { registry } = world;
  const [parent, lifecycle] = [await startRun(registry), unique('child')];
  await applyLifecycle(registry, lifecycle);
  const ids: RunId[] = [];
  for (const stage of ['child-a', 'child-b', 'child-c'])
    ids.push((await start(parent, lifecycle, { stage })).id);
  const shown = await registry.children.ofRun({ tenant, runId: parent, limit: 2 });
  expect(shown.map(({ id }) => id)).toEqual(ids.slice(1));
});

test('parameters of a lifecycle in YAML are checked before the child starts', async () => {
  const { registry } = world;
  const [parent, lifecycle] = [await startRun(registry), unique('child')];
  const train = { trainer: 'lightgbm', params: {} };
  await registry.lifecycles.apply({
    tenant,
    revision: {
      lifecycle,
      digest: toDigest(lifecycle),
      spec: { ...spec, name: lifecycle, train } as typeof spec,
      files: {},
      contracts: {},
    },
    actor: 'test',
  });
  await expect(start(parent, lifecycle, { params: { num_leafs: 3 } })).rejects.toThrow(
    /params\.num_leafs: no such parameter.*did you mean num_leaves\?/,
  );
  expect(await registry.children.ofRun({ tenant, runId: parent, limit: 9 })).toEqual([]);
  expect(await start(parent, lifecycle, { params: { num_leaves: 31 } })).toMatchObject({
    lifecycle,
  });
});
