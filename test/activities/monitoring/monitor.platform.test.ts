import { MockActivityEnvironment } from '@temporalio/testing';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createObserveModelActivities } from '../../../activities/monitoring/observe';
import { createPrepareMonitorActivities } from '../../../activities/monitoring/prepare';
import { raiseAlarms } from '../../../activities/monitoring/raise';
import { newId } from '../../../db/ids';
import type { FeatureDrift } from '../../../domain/monitoring/drift-results';
import { listAlarms } from '../../../domain/monitoring/observation/alarms';
import type { SkewResult } from '../../../domain/monitoring/observation/skew';
import type { MonitoredModel } from '../../../db/monitoring/records';
import { failure } from '../../../domain/failure';
import type { PredictionId, RunId } from '../../../domain/ids';
import {
  applyLifecycle,
  openTestRegistry,
  refTo,
  registerVersions,
  tenant,
  unique,
  type TestRegistry,
} from '../../db/registry-fixture';
import { earlierTransactionsEnd } from '../../db/monitoring/fixture';
import { promoteOver } from '../../db/rollout/fixture';

let test_: TestRegistry;
let folder: string;
beforeAll(async () => {
  test_ = await openTestRegistry();
  folder = await mkdtemp(join(tmpdir(), 'monitor-'));
});
afterAll(async () => {
  await test_.close();
  await rm(folder, { recursive: true, force: true });
});

/** The store after everything in it was deleted. */
const gone = () => Promise.reject(failure('ArtifactMissing', 'the object was deleted'));

function activities() {
  const { registry } = test_;
  const artifacts = { getJson: gone, getBytes: gone, toFile: gone, putJson: gone };
  const run = <Input, Output>(activity: (input: Input) => Promise<Output>, input: Input) =>
    new MockActivityEnvironment().run(activity, input);
  const preparing = createPrepareMonitorActivities({
    registry,
    artifacts,
    scratchRoot: folder,
  });
  const observing = createObserveModelActivities({ registry, artifacts });
  return {
    prepare: (model: string) =>
      run((at: MonitoredModel) => preparing.prepareMonitor(at), { tenant, model }),
    observe: (model: string) =>
      run((at: MonitoredModel) => observing.observeModel(at), { tenant, model }),
  };
}

async function promoted(): Promise<string> {
  const model = unique('watched');
  await applyLifecycle(test_.registry, model);
  await registerVersions(test_.registry, model, 2);
  await promoteOver(test_.registry, model, 1);
  return model;
}

const readMonitor = (model: string) => test_.registry.monitors.get({ tenant, model });

test('a version whose rows were deleted is watched without drift, and the monitor says so', async () => {
  const { prepare, observe } = activities();
  const model = await promoted();
  expect(await observe(model)).toEqual({ kind: 'prepare', version: 1 });
  await prepare(model);
  expect(await readMonitor(model)).toMatchObject({
    status: 'watching',
    reference: null,
    waitingFor: expect.stringMatching(
      /^a reference: .*; until the next promotion, watched-\d+@1 is watched without drift/,
    ) as string,
  });
  await test_.registry.predictions.insert([
    {
      tenant,
      id: newId('pred') as PredictionId,
      receivedAt: new Date().toISOString(),
      model,
      version: 1,
      arm: 'champion',
      entity: null,
      eventTime: null,
      input: { distance: 1 },
      output: { score: 0.5 },
      latencyMs: 1,
      rollout: null,
      other: null,
    },
  ]);
  await earlierTransactionsEnd(test_.database);
  expect(await observe(model)).toMatchObject({ kind: 'observed', version: 1, rows: 1 });
  const monitor = await readMonitor(model);
  expect(monitor?.results?.unknown).toContainEqual({
    what: 'drift',
    why: 'the rows on which the version was trained are not available',
    until: 'the next version is promoted',
  });
});

test('a monitor whose reference was deleted goes on without it', async () => {
  const { prepare, observe } = activities();
  const model = await promoted();
  await prepare(model);
  const digest = `sha256:${'0'.repeat(64)}`;
  const reference = { uri: 's3://bucket/gone', digest, bytes: 1, mediaType: 'application/json' };
  await test_.database
    .sql`update monitors set reference = ${JSON.stringify(reference)}::json where model = ${model}`;
  expect(await observe(model)).toMatchObject({ kind: 'observed', version: 1 });
  expect(await readMonitor(model)).toMatchObject({
    reference: null,
    waitingFor: expect.stringContaining('its artifact was deleted') as string,
  });
});

test('incidents of a former champion are resolved, and its late alarms open none', async () => {
  const { registry } = test_;
  const { prepare, observe } = activities();
  const model = await promoted();
  await prepare(model);
  await observe(model);
  const former = await readMonitor(model);
  const results = former?.results;
  if (!results) throw new Error('nothing was observed');
  const alarming = (kind: 'drift' | 'data') =>
    raiseAlarms(registry, {
      ...former,
      results: {
        ...results,
        alarms: [
          {
            key: kind,
            kind,
            feature: 'distance',
            title: 'distance',
            since: former.startedAt,
            effect: 1,
            size: '30 %',
            slice: null,
          },
        ],
      },
    });
  const open = async () => {
    const { items } = await registry.incidents.list({ tenant, model, status: 'open', pageSize: 9 });
    return items.map(({ key }) => key);
  };
  const flights = `${model}.flights`;
  for (const content of ['old', 'new'])
    await registry.datasets.register({
      tenant,
      dataset: flights,
      manifest: refTo(content),
      rows: 10,
      columns: [],
      runId: null,
      idempotencyKey: `${model}-${content}`,
    });
  await registry.lineage.add({
    tenant,
    edges: [
      {
        from: { kind: 'dataset', name: flights, version: 1 },
        to: { kind: 'model', name: model, version: 1 },
        runId: null,
      },
    ],
  });
  await alarming('drift');
  expect(await open()).toEqual(['drift']);
  expect(await registry.incidents.open({ tenant, model, key: 'drift' })).toMatchObject({
    story: { dataVersion: `trained on ${flights}@1; newest: ${flights}@2` },
  });
  await promoteOver(registry, model, 2);
  await prepare(model);
  await alarming('data');
  expect(await open()).toEqual(['drift']);
  await observe(model);
  expect(await open()).toEqual([]);
});

test('a model that is not watched says why', async () => {
  const { observe } = activities();
  const model = unique('unreleased');
  await registerVersions(test_.registry, model, 1);
  expect(await observe(model)).toEqual({ kind: 'off', why: 'the model has no champion' });
  expect(await readMonitor(model)).toMatchObject({ status: 'off' });
});

test('the incident of an alarm names the run that it started, and a resolved one stays so', async () => {
  const { registry } = test_;
  const { prepare, observe } = activities();
  const model = await promoted();
  await prepare(model);
  await observe(model);
  const alarming = async () => {
    const monitor = await readMonitor(model);
    if (!monitor?.results || !monitor.settings) throw new Error('nothing was observed');
    await raiseAlarms(registry, {
      ...monitor,
      settings: { ...monitor.settings, onAlarm: 'retrain' },
      results: {
        ...monitor.results,
        alarms: [
          {
            key: 'quality:all:loss:week',
            kind: 'quality',
            feature: null,
            title: 'logloss is high',
            since: monitor.startedAt,
            effect: 1,
            size: 'logloss 0.7',
            slice: null,
          },
        ],
      },
    });
  };
  const incident = async () =>
    (await registry.incidents.list({ tenant, model, pageSize: 9 })).items.map(
      ({ status, updates, story: { engineDid } }) => ({ status, updates, engineDid }),
    );
  await alarming();
  const { run } = await registry.retrainings.get({ tenant, lifecycle: model });
  expect(run).not.toBeNull();
  const did = expect.stringContaining(`; ${run ?? ''} retrains the model`) as string;
  expect(await incident()).toEqual([{ status: 'open', updates: 0, engineDid: did }]);
  await alarming();
  expect(await incident()).toEqual([{ status: 'open', updates: 0, engineDid: did }]);

  await registry.runs.update({ tenant, id: run ?? ('' as RunId), status: 'failed' });
  await alarming();
  const backOff = expect.stringContaining(`(back-off after ${run ?? ''}: 1 fruitless)`) as string;
  expect(await incident()).toEqual([{ status: 'open', updates: 1, engineDid: backOff }]);

  await registry.incidents.resolve({ tenant, model, key: 'quality', because: 'known' });
  await test_.database.sql`
    update retrainings set state = jsonb_set(state::jsonb, '{notBefore}', 'null')::json where lifecycle = ${model}`;
  await alarming();
  expect((await registry.retrainings.get({ tenant, lifecycle: model })).run).not.toBe(run);
  expect(await incident()).toMatchObject([{ status: 'resolved' }]);
});

test('fresh drift raises its incident at once, and its run waits for the checks of data', async () => {
  const { registry } = test_;
  const { prepare, observe } = activities();
  const model = await promoted();
  await prepare(model);
  await observe(model);
  const raisedAt = '2024-05-06T09:00:00.000Z';
  const alarming = async (hour: string, sampledUntil: string) => {
    const monitor = await readMonitor(model);
    if (!monitor?.results || !monitor.settings) throw new Error('nothing was observed');
    const kind = 'distribution';
    const signal = { kind, scale: 'hour', effect: 0.3, rows: 60, since: raisedAt, raisedAt };
    const drift = {
      feature: 'distance',
      role: 'feature',
      alarm: signal,
      signals: [signal],
      effect: 0.3,
    } as unknown as FeatureDrift;
    const skew: SkewResult = {
      measuredAt: raisedAt,
      sampledUntil: `2024-05-06T${sampledUntil}:00.000Z`,
      rows: 9,
      compared: 9,
      agreeing: 9,
      maxDifference: 0,
      failure: null,
    };
    const settings = { ...monitor.settings, onAlarm: 'retrain' as const };
    const found = { ...monitor.results, drift: [drift], skew };
    await raiseAlarms(registry, {
      ...monitor,
      settings,
      state: { ...monitor.state, eventNow: `2024-05-06T${hour}:00.000Z` },
      results: { ...found, alarms: listAlarms(found, settings) },
    });
    const { run } = await registry.retrainings.get({ tenant, lifecycle: model });
    const incident = await registry.incidents.open({ tenant, model, key: 'drift' });
    return { hasRun: run !== null, did: incident?.story.engineDid };
  };
  expect(await alarming('09:30', '09:10')).toMatchObject({
    hasRun: false,
    did: expect.stringContaining('once requests until 2024-05-06T11:00:00.000Z show no') as string,
  });
  expect(await alarming('11:00', '08:50')).toMatchObject({
    hasRun: false,
    did: expect.stringContaining('once a sample of these requests shows no') as string,
  });
  expect(await alarming('11:00', '10:50')).toMatchObject({
    hasRun: true,
    did: expect.stringContaining('retrains the model') as string,
  });
});
