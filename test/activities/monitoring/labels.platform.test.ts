import { MockActivityEnvironment } from '@temporalio/testing';
import { createObserveModelActivities } from '../../../activities/monitoring/observe';
import { createPrepareMonitorActivities } from '../../../activities/monitoring/prepare';
import { newId } from '../../../db/ids';
import type { MonitoredModel } from '../../../db/monitoring/records';
import type { PredictionRow } from '../../../db/serving/prediction-records';
import { failure } from '../../../domain/failure';
import type { PredictionId } from '../../../domain/ids';
import type { PredictionArm } from '../../../domain/serving/prediction';
import { earlierTransactionsEnd } from '../../db/monitoring/fixture';
import {
  applyLifecycle,
  openTestRegistry,
  registerVersions,
  tenant,
  unique,
  type TestRegistry,
} from '../../db/registry-fixture';
import { promoteOver } from '../../db/rollout/fixture';

let test_: TestRegistry;
beforeAll(async () => {
  test_ = await openTestRegistry();
});
afterAll(() => test_.close());

const perDay = 10;

async function promoted(): Promise<string> {
  const model = unique('labelled');
  await applyLifecycle(test_.registry, model);
  await registerVersions(test_.registry, model, 2);
  await promoteOver(test_.registry, model, 1);
  return model;
}

/** Looks until event time has settled, with a store that has no reference. */
async function look(model: string): Promise<void> {
  const { registry } = test_;
  const gone = () => Promise.reject(failure('ArtifactMissing', 'the object was deleted'));
  const artifacts = { getJson: gone, getBytes: gone, toFile: gone, putJson: gone };
  const run = <Output>(activity: (at: MonitoredModel) => Promise<Output>) =>
    new MockActivityEnvironment().run<[MonitoredModel], Output, typeof activity>(activity, {
      tenant,
      model,
    });
  const observing = createObserveModelActivities({ registry, artifacts });
  const preparing = createPrepareMonitorActivities({
    registry,
    artifacts,
    scratchRoot: '/nonexistent',
  });
  await earlierTransactionsEnd(test_.database);
  for (let looks = 0; looks < 2;) {
    const seen = await run((at) => observing.observeModel(at));
    if (seen.kind === 'prepare') {
      await run((at) => preparing.prepareMonitor(at));
      continue;
    }
    looks += 1;
    // Labels get two seconds to arrive once they are due in event time.
    if (looks === 1) await new Promise((resolve) => setTimeout(resolve, 2_100));
  }
}

/** Requests in the morning of a day, of which some get a label. */
async function day(
  model: string,
  number: number,
  {
    labelled,
    version = 1,
    arm = 'champion',
  }: { readonly labelled: number; readonly version?: number; readonly arm?: PredictionArm },
): Promise<void> {
  const eventTime = new Date(Date.UTC(2013, 0, 1, 9) + number * 86_400_000).toISOString();
  const rows = Array.from({ length: perDay }, (): PredictionRow => ({
    tenant,
    id: newId('pred') as PredictionId,
    receivedAt: new Date().toISOString(),
    model,
    version,
    arm,
    entity: null,
    eventTime,
    input: { distance: 1 },
    output: { score: 0.5 },
    latencyMs: 1,
    rollout: null,
    other: null,
  }));
  await test_.registry.predictions.insert(rows);
  for (const { id } of rows.slice(0, labelled))
    await test_.registry.feedback.record({
      tenant,
      predictionId: id,
      label: true,
      labelledAt: eventTime,
    });
}

const listIncidents = async (model: string) =>
  (await test_.registry.incidents.list({ tenant, model, pageSize: 9 })).items;

const readState = async (model: string) =>
  (await test_.registry.monitors.get({ tenant, model }))?.state.labelFeed;

test('labels that stop open one incident, which a promotion keeps and labels resolve', async () => {
  const { registry } = test_;
  const model = await promoted();
  await look(model);
  for (let number = 0; number < 18; number += 1) await day(model, number, { labelled: 9 });
  for (let number = 18; number < 26; number += 1) {
    await day(model, number, { labelled: 0 });
    await day(model, number, { labelled: 9, arm: 'direct' });
    await day(model, number, { labelled: 0, arm: 'probe' });
  }
  await look(model);
  const [open, ...others] = await listIncidents(model);
  expect(others).toEqual([]);
  expect(open).toMatchObject({
    kind: 'labels',
    severity: 'warning',
    status: 'open',
    story: {
      what: expect.stringMatching(
        /^no label came for \d+ predictions from 2013-01-19 to 2013-01-2\d; labels came for 90 % on average on the 18 days before\.$/,
      ) as string,
      engineDid: expect.stringContaining('no run starts') as string,
      dataVersion: null,
    },
  });
  expect((await registry.retrainings.get({ tenant, lifecycle: model })).run).toBeNull();

  await promoteOver(registry, model, 2);
  await look(model);
  expect(await listIncidents(model)).toMatchObject([{ kind: 'labels', status: 'open' }]);

  for (let number = 26; number < 32; number += 1)
    await day(model, number, { labelled: 9, version: 2 });
  await look(model);
  expect(await listIncidents(model)).toMatchObject([
    { kind: 'labels', status: 'resolved', because: 'its alarms have ended' },
  ]);
}, 60_000);

test('labels of a challenger and of a former champion count for the model', async () => {
  const model = await promoted();
  await look(model);
  await day(model, 0, { labelled: 9 });
  await day(model, 0, { labelled: 5, version: 2, arm: 'challenger' });
  await look(model);
  await promoteOver(test_.registry, model, 2);
  await day(model, 1, { labelled: 7, version: 2 });
  for (const number of [3, 4]) await day(model, number, { labelled: 0, version: 2 });
  await look(model);
  const state = await readState(model);
  expect(state?.test.days).toEqual([
    { day: '2013-01-01', predictions: 2 * perDay, labelled: 14 },
    { day: '2013-01-02', predictions: perDay, labelled: 7 },
  ]);
}, 60_000);

test('a label that comes late, but within a day, still counts for its day', async () => {
  const model = await promoted();
  await look(model);
  await day(model, 0, { labelled: 0 });
  await day(model, 1, { labelled: 0 });
  await look(model);
  // Due, and without labels; the day is not judged yet.
  expect(await readState(model)).toMatchObject({ newest: null, test: { days: [] } });
  const predictions = await test_.database.sql<{ id: PredictionId }[]>`
    select id from predictions where model = ${model} and event_time < '2013-01-02'`;
  for (const { id } of predictions)
    await test_.registry.feedback.record({
      tenant,
      predictionId: id,
      label: true,
      labelledAt: new Date().toISOString(),
    });
  await look(model);
  await day(model, 4, { labelled: 0 });
  await look(model);
  expect((await readState(model))?.test.days[0]).toEqual({
    day: '2013-01-01',
    predictions: perDay,
    labelled: perDay,
  });
}, 60_000);
