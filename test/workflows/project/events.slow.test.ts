import { randomUUID } from 'node:crypto';
import type { RunRecord } from '../../../db/run/repository';
import type { ReceivedEvent } from '../../../domain/project/sent-event';
import { defaultTenant as tenant } from '../../../domain/ids';
import { eventsProject } from '../../support/project/events-project';
import { eventRecord } from '../../../domain/run/record-name';
import { record } from '../../support/lifecycle-runs';
import { openTestWorld, type TestWorld } from '../../support/project/test-world';
import { untilAnswer } from '../../support/time/until';

interface Labels {
  readonly rows: number;
}

let world: TestWorld;
beforeAll(async () => {
  world = await openTestWorld(eventsProject);
});
afterAll(() => world.close());

async function sendEvent(
  { id: runId, workflowId }: RunRecord,
  { event, data }: { readonly event: string; readonly data: unknown },
): Promise<void> {
  await world.core.registry.sentEvents.send({
    tenant,
    runId,
    event,
    data,
    actor: 'ada',
    cause: 'a test',
    idempotencyKey: randomUUID(),
  });
  await world.lifecycles.notify(workflowId, eventRecord(event));
}
const send = (run: RunRecord, data: Labels) => sendEvent(run, { event: 'labels_ready', data });

const waiting = (run: RunRecord) =>
  untilAnswer(
    async () => world.core.registry.runs.get({ tenant, id: run.id }),
    (found) => found?.status === 'waiting',
  );
const waitForEnd = async (run: RunRecord) => {
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
  expect(await waitForEnd(run)).toMatchObject({ status: 'succeeded', reasons: ['rows: 3 and 4'] });
  expect(await world.output<ReceivedEvent<Labels>>(run, 'wait-labels_ready')).toMatchObject({
    data: { rows: 3 },
    sentBy: 'ada',
  });
  await record('project-events-received', world.temporal.workflow.getHandle(run.workflowId));
});

test('events that arrive before the wait are kept, in the order in which they were sent', async () => {
  await world.stopWorkers();
  const run = await world.accept('labels');
  await send(run, { rows: 1 });
  await send(run, { rows: 2 });
  await world.startWorkers();
  await world.begin(run);
  expect(await waitForEnd(run)).toMatchObject({ status: 'succeeded', reasons: ['rows: 1 and 2'] });
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
  expect(await waitForEnd(run)).toMatchObject({ status: 'succeeded', reasons: ['rows: 5 and 6'] });
  const events = await world.core.registry.sentEvents.ofRun({ tenant, runId: run.id, limit: 9 });
  expect(events.map(({ takenBy }) => takenBy)).toEqual([
    'wait-labels_ready',
    'wait-labels_ready-2',
  ]);
});

test('the history of a run grows in proportion to its waits', async () => {
  const measureHistory = async (waits: number): Promise<number> => {
    const run = await world.start('many', { waits });
    const handle = world.temporal.workflow.getHandle(run.workflowId);
    // Each wait has a timer.
    await untilAnswer(
      () => handle.fetchHistory(),
      ({ events }) => events?.filter((event) => event.timerStartedEventAttributes).length === waits,
    );
    const { registry } = world.core;
    const of = { tenant, runId: run.id };
    for (let sent = 1; sent <= waits; sent += 1) {
      await sendEvent(run, { event: 'go', data: null });
      await untilAnswer(
        () => registry.sentEvents.ofRun({ ...of, limit: waits }),
        (events) => events.filter(({ takenBy }) => takenBy !== null).length === sent,
      );
      // Otherwise one look of a wait would serve several events.
      await untilAnswer(
        () => handle.describe(),
        ({ raw }) => !raw.pendingWorkflowTask,
      );
    }
    expect(await waitForEnd(run)).toMatchObject({ reasons: [`${waits} events`] });
    return (await handle.describe()).historyLength;
  };
  const [few, many] = [await measureHistory(5), await measureHistory(40)];
  expect(many).toBeLessThan(9 * few);
});

test('a wait without an event ends with null after its timeout', async () => {
  const run = await world.start('labels', { timeout: '1s' });
  expect(await waitForEnd(run)).toMatchObject({
    status: 'succeeded',
    reasons: ['no labels in time'],
  });
});

test('a cancelled run ends its wait', async () => {
  const run = await world.start('labels');
  await waiting(run);
  await world.lifecycles.cancel(run.workflowId);
  expect(await waitForEnd(run)).toMatchObject({ status: 'cancelled' });
});

test.each([
  ['an event that the project does not list', { misspelt: true }, 'did you mean labels_ready?'],
  ['a wrong duration', { timeout: 'soon' }, 'timeout cannot be "soon"'],
])('%s fails the run with a clear message', async (_, params, message) => {
  const { status, failure } = await waitForEnd(await world.start('labels', params));
  expect(status).toBe('failed');
  expect(failure?.message).toContain(message);
});
