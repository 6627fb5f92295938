import { randomUUID } from 'node:crypto';
import type { RunRecord } from '../../../db/run/repository';
import type { ReceivedEvent } from '../../../domain/project/sent-event';
import { defaultTenant as tenant } from '../../../domain/ids';
import { openTestWorld, type TestWorld } from '../../support/project/test-world';
import { untilAnswer } from '../../support/time/until';

interface Labels {
  readonly rows: number;
}

const files = {
  'perennial.config.ts': `
import { defineProject, z } from 'perennial';
export const events = {
  labels_ready: z.object({ rows: z.number() }),
  go: z.null(),
};
const params = z.object({ timeout: z.string().default('1h'), misspelt: z.boolean().default(false) });
export default defineProject({
  name: 'events',
  owner: 'test',
  lifecycles: { labels: { params, events, spec: {} as never } },
});
`,
  'lifecycles/labels.ts': `
import { lifecycle } from 'perennial/workflow';
import type { events } from '../perennial.config';
export const labels = lifecycle<object, any, typeof events>(async (run, { timeout, misspelt }) => {
  const first = await run.waitFor(misspelt ? ('label_ready' as never) : 'labels_ready', { timeout });
  if (first === null) return run.done('no labels in time');
  const second = await run.waitFor('labels_ready', { timeout });
  return run.done('rows: ' + first.data.rows + ' and ' + (second?.data.rows ?? 'none'));
});
`,
};

let world: TestWorld;
beforeAll(async () => {
  world = await openTestWorld(files);
});
afterAll(() => world.close());

async function send({ id: runId, workflowId }: RunRecord, data: Labels): Promise<void> {
  await world.core.registry.sentEvents.send({
    tenant,
    runId,
    event: 'labels_ready',
    data,
    actor: 'ada',
    cause: 'a test',
    idempotencyKey: randomUUID(),
  });
  await world.lifecycles.notify(workflowId);
}

const waiting = (run: RunRecord) =>
  untilAnswer(
    async () => world.core.registry.runs.get({ tenant, id: run.id }),
    (found) => found?.status === 'waiting',
  );
const endOf = async (run: RunRecord) => {
  const { status, verdict, failure } = await world.untilEnd(run);
  return { status, reasons: verdict?.reasons.map(({ message }) => message), failure };
};

test('a run shows what it waits for and until when, and continues with the data', async () => {
  const run = await world.start('labels');
  const { waitingFor } = (await waiting(run)) ?? {};
  expect(waitingFor).toMatch(
    new RegExp(`^event labels_ready until \\d{4}-.*Z; perennial run send ${run.id} labels_ready`),
  );
  const { currentDetails } = await world.temporal.workflow
    .getHandle(run.workflowId)
    .query<{ readonly currentDetails: string }>('__temporal_workflow_metadata');
  expect(currentDetails).toContain(`It waits for: ${waitingFor ?? '?'}`);
  await send(run, { rows: 3 });
  await send(run, { rows: 4 });
  expect(await endOf(run)).toMatchObject({ status: 'succeeded', reasons: ['rows: 3 and 4'] });
  expect(await world.output<ReceivedEvent<Labels>>(run, 'wait-labels_ready')).toMatchObject({
    data: { rows: 3 },
    sentBy: 'ada',
  });
});

test('events that arrive before the wait are kept, in the order in which they were sent', async () => {
  await world.stopWorkers();
  const run = await world.accept('labels');
  await send(run, { rows: 1 });
  await send(run, { rows: 2 });
  await world.startWorkers();
  await world.begin(run);
  expect(await endOf(run)).toMatchObject({ status: 'succeeded', reasons: ['rows: 1 and 2'] });
});

test('a wait continues after a restart of every worker, and takes no event twice', async () => {
  const run = await world.start('labels');
  await waiting(run);
  await send(run, { rows: 5 });
  await untilAnswer(
    () => world.core.registry.sentEvents.ofRun({ tenant, runId: run.id, limit: 9 }),
    ([first]) => first?.takenBy === 'wait-labels_ready',
  );
  await world.stopWorkers();
  await send(run, { rows: 6 });
  await world.startWorkers();
  expect(await endOf(run)).toMatchObject({ status: 'succeeded', reasons: ['rows: 5 and 6'] });
  const events = await world.core.registry.sentEvents.ofRun({ tenant, runId: run.id, limit: 9 });
  expect(events.map(({ takenBy }) => takenBy)).toEqual([
    'wait-labels_ready',
    'wait-labels_ready-2',
  ]);
});

test('a wait without an event ends with null after its timeout', async () => {
  const run = await world.start('labels', { timeout: '1s' });
  expect(await endOf(run)).toMatchObject({ status: 'succeeded', reasons: ['no labels in time'] });
});

test('a cancelled run ends its wait', async () => {
  const run = await world.start('labels');
  await waiting(run);
  await world.lifecycles.cancel(run.workflowId);
  expect(await endOf(run)).toMatchObject({ status: 'cancelled' });
});

test.each([
  ['an event that the project does not list', { misspelt: true }, 'did you mean labels_ready?'],
  ['a wrong duration', { timeout: 'soon' }, 'timeout cannot be "soon"'],
])('%s fails the run with a clear message', async (_, params, message) => {
  const { status, failure } = await endOf(await world.start('labels', params));
  expect(status).toBe('failed');
  expect(failure?.message).toContain(message);
});
