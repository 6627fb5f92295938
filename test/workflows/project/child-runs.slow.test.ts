import { setTimeout as pause } from 'node:timers/promises';
import type { RunRecord } from '../../../db/run/repository';
import type { ChildRun } from '../../../domain/project/child-run';
import { defaultTenant as tenant, type RunId } from '../../../domain/ids';
import { openLog } from '../../../workers/log';
import { repeat, type Loop } from '../../../workers/maintenance/loop';
import { sweepOutbox } from '../../../workers/maintenance/sweeper';
import { fakeIndexes } from '../../apps/api/support/fake-indexes';
import { fakeSchedules } from '../../apps/api/support/fake-schedules';
import { childrenProject } from '../../support/project/children-project';
import { record } from '../../support/lifecycle-runs';
import { openTestWorld, type TestWorld } from '../../support/project/test-world';
import { untilAnswer } from '../../support/time/until';

let world: TestWorld;
let sweeping: Loop;
beforeAll(async () => {
  world = await openTestWorld(childrenProject);
  const log = openLog('test', 'silent');
  const { core, lifecycles } = world;
  const deps = { registry: core.registry, lifecycles, schedules: fakeSchedules(), log };
  sweeping = repeat('outbox', 0.1, () => sweepOutbox({ ...deps, indexes: fakeIndexes() }), log);
});
afterAll(async () => {
  await sweeping.stop();
  await world.close();
});

const listChildren = ({ id: runId }: { readonly id: RunId }) =>
  world.core.registry.children.ofRun({ tenant, runId, limit: 9 });
const waitForEnd = async (run: RunRecord) => {
  const { status, verdict, failure } = await world.untilEnd(run);
  return { status, reasons: verdict?.reasons.map(({ message }) => message), failure };
};
const sleepingChild = (run: RunRecord) =>
  untilAnswer(
    () => listChildren(run),
    ([child]) => child?.waitingFor?.startsWith('sleeps until') === true,
  );

test('a run starts children, waits for each, and both show the other', async () => {
  const run = await world.start('all', { regions: [{ region: 'north' }, { region: 'stopped' }] });
  expect(await waitForEnd(run)).toMatchObject({
    status: 'succeeded',
    reasons: ['region succeeded north, region stopped 0 of 1 approvals within 1s'],
  });
  const [north, stopped, ...others] = await listChildren(run);
  expect(others).toEqual([]);
  expect(north).toMatchObject({
    status: 'succeeded',
    parent: { runId: run.id, stage: 'child-region' },
    traceId: run.traceId,
  });
  expect(stopped).toMatchObject({ parent: { runId: run.id, stage: 'child-region-2' } });
  expect(await world.output<ChildRun>(run, 'child-region')).toMatchObject({ id: north?.id });
  await record('project-children-ended', world.temporal.workflow.getHandle(run.workflowId));
});

test('a run shows which child it waits for, and its cancellation cancels the child first', async () => {
  const run = await world.start('all', { regions: [{ region: 'north', waits: true }] });
  const [child] = await sleepingChild(run);
  const found = await world.core.registry.runs.get({ tenant, id: run.id });
  expect(found?.waitingFor).toContain(`its child ${child?.id ?? '?'} of region`);
  await world.lifecycles.cancel(run.workflowId);
  const [ended, parent] = [await world.untilEnd(child as RunRecord), await world.untilEnd(run)];
  expect([ended.status, parent.status]).toEqual(['cancelled', 'cancelled']);
  expect((ended.endedAt ?? '') <= (parent.endedAt ?? '')).toBe(true);
});

test('a restart of every worker starts no second child', async () => {
  const run = await world.start('all', { regions: [{ region: 'north', waits: true }] });
  const [child] = await sleepingChild(run);
  await world.stopWorkers();
  await pause(500);
  await world.startWorkers();
  await world.lifecycles.cancel((child as RunRecord).workflowId);
  expect(await waitForEnd(run)).toMatchObject({
    status: 'failed',
    failure: {
      type: 'ChildRunFailed',
      message: expect.stringContaining('ended as cancelled') as string,
    },
  });
  expect(await listChildren(run)).toHaveLength(1);
});

test('children of a parent that ended without them are cancelled', async () => {
  const run = await world.start('all', { regions: [{ region: 'north', waits: true }] });
  const [child] = await sleepingChild(run);
  await world.temporal.workflow.getHandle(run.workflowId).terminate('a test');
  await world.core.registry.runs.update({ tenant, id: run.id, status: 'lost' });
  expect(await world.untilEnd(child as RunRecord)).toMatchObject({ status: 'cancelled' });
  const { items } = await world.core.registry.audit.list({
    tenant,
    subject: `run:${(child as RunRecord).id}`,
    pageSize: 50,
  });
  expect(items.filter(({ action }) => action.startsWith('run.cancel'))).toMatchObject([
    { action: 'run.cancel', actor: `run:${run.id}`, cause: `its parent ${run.id} ended as lost` },
  ]);
});

test('a child that fails fails its parent, and names the reason', async () => {
  const { status, failure } = await waitForEnd(
    await world.start('all', { regions: [{ region: 'bad' }] }),
  );
  expect(status).toBe('failed');
  expect(failure?.type).toBe('ChildRunFailed');
  expect(failure?.message).toMatch(/^child run_\S+ of region ended as failed: the region is bad$/);
});

test('a cycle of lifecycles is refused and named', async () => {
  const run = await world.start('ring-a');
  const { status, failure } = await waitForEnd(run);
  expect(status).toBe('failed');
  expect(failure?.message).toContain('child runs form a cycle: ring-a → ring-b → ring-a');
});

test.each([
  ['an unknown lifecycle', { of: 'regoin', regions: [{}] }, 'did you mean region?'],
  ['wrong parameters', { regions: [{ region: 3 }] }, 'params.region: '],
])('%s fails the run, and no child starts', async (_, params, message) => {
  const run = await world.start('all', params);
  const { status, failure } = await waitForEnd(run);
  expect(status).toBe('failed');
  expect(failure?.message).toContain(message);
  expect(await listChildren(run)).toEqual([]);
});
