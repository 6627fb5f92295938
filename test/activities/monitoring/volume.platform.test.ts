import { MockActivityEnvironment } from '@temporalio/testing';
import { createObserveModelActivities } from '../../../activities/monitoring/observe';
import { createPrepareMonitorActivities } from '../../../activities/monitoring/prepare';
import { newId } from '../../../db/ids';
import type { MonitoredModel } from '../../../db/monitoring/records';
import type { PredictionRow } from '../../../db/serving/prediction-records';
import { failure } from '../../../domain/failure';
import { graceMs } from '../../../domain/monitoring/volume/volume-state';
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

const hourMs = 3_600_000;
let test_: TestRegistry;
beforeAll(async () => {
  test_ = await openTestRegistry();
  // The newest hour that may be judged changes ten minutes after the hour.
  const toTurn = (hourMs + graceMs - (Date.now() % hourMs)) % hourMs;
  if (toTurn < 30_000) await new Promise((resolve) => setTimeout(resolve, toTurn + 1_000));
});
afterAll(() => test_.close());

const usual = 200;

/** The newest hour that is over and may be judged. */
const newestHour = () => Math.floor((Date.now() - graceMs) / hourMs) * hourMs - hourMs;

async function promoted(): Promise<string> {
  const model = unique('busy');
  await applyLifecycle(test_.registry, model);
  await registerVersions(test_.registry, model, 2);
  await promoteOver(test_.registry, model, 1);
  return model;
}

/** Looks as the workflow does, with a store that has no reference. */
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
  for (;;) {
    const seen = await run((at) => observing.observeModel(at));
    if (seen.kind !== 'prepare') return;
    await run((at) => preparing.prepareMonitor(at));
  }
}

/** As if the monitor had looked for hours, and had not judged this hour yet. */
async function lookedSince(model: string, judgedUntil: number | null): Promise<void> {
  const result = judgedUntil && {
    countedFrom: null,
    judgedUntil: new Date(judgedUntil).toISOString(),
    scales: [],
  };
  const volume = {
    lookedMs: Date.now() - 60_000,
    resumedMs: Date.now() - 5 * hourMs,
    result,
    waitsFor: null,
  };
  await test_.database.sql`
    update monitors set state = (state::jsonb || jsonb_build_object('volume', ${JSON.stringify(volume)}::jsonb))::json where model = ${model}`;
}

/** Five weeks with as many requests in each hour, before a time. */
async function weeksBefore(model: string, until: number): Promise<void> {
  const hours = Array.from({ length: 5 * 7 * 24 }, (_, index) =>
    new Date(until - (index + 1) * hourMs).toISOString(),
  );
  await test_.database.sql`
    insert into request_hours (tenant_id, model, hour, logged)
    select ${tenant}, ${model}, hour, ${usual} from unnest(${hours}::timestamptz[]) as h (hour)`;
}

async function received(model: string, at: number, rows: number, arm: PredictionArm) {
  const of = (version: number): PredictionRow => ({
    tenant,
    id: newId('pred') as PredictionId,
    receivedAt: new Date(at).toISOString(),
    model,
    version,
    arm,
    entity: null,
    eventTime: null,
    input: { distance: 1 },
    output: { score: 0.5 },
    latencyMs: 1,
    rollout: null,
    other: null,
  });
  await test_.registry.predictions.insert(
    Array.from({ length: rows }, (_, row) => of(1 + (row % 2))),
  );
}

const beat = (id: string, number: number, holdsPredictions: boolean, leaseSeconds = 60) =>
  test_.registry.gateways.beat({
    id,
    url: 'http://gateway',
    epoch: 0,
    holdsPredictions,
    leaseSeconds,
    beat: number,
  });

const listIncidents = async (model: string) =>
  (await test_.registry.incidents.list({ tenant, model, pageSize: 9 })).items;

const judgedUntil = async (model: string) => {
  const monitor = await test_.registry.monitors.get({ tenant, model });
  return monitor?.state.volume?.result?.judgedUntil ?? null;
};

test('requests that stop open an incident, which late rows resolve, over a promotion', async () => {
  const { registry, database } = test_;
  const model = await promoted();
  await look(model);
  const hour = newestHour();
  await weeksBefore(model, hour);
  await lookedSince(model, null);

  await beat('gw-1', 1, true);
  await look(model);
  expect(await judgedUntil(model)).toBeNull();
  await beat('gw-1', 2, false);
  await look(model);
  expect(await judgedUntil(model)).toBe(new Date(hour + hourMs).toISOString());
  const open = {
    kind: 'volume',
    severity: 'warning',
    status: 'open',
    story: {
      what: expect.stringMatching(
        /^0 requests in the hour from .*; the same hours of 4 weeks had 200\.$/,
      ) as string,
      since: new Date(hour).toISOString(),
      engineDid: expect.stringContaining('no run starts') as string,
    },
  };
  expect(await listIncidents(model)).toMatchObject([open]);
  expect((await registry.retrainings.get({ tenant, lifecycle: model })).run).toBeNull();

  await promoteOver(registry, model, 2);
  await look(model);
  expect(await listIncidents(model)).toMatchObject([open]);

  await received(model, hour + 1_000, usual, 'champion');
  await received(model, hour + 1_000, 7, 'probe');
  await look(model);
  await lookedSince(model, hour);
  await look(model);
  await look(model);
  const [counted] = await database.sql<{ logged: number }[]>`
    select logged::int from request_hours where model = ${model} and hour = to_timestamp(${hour / 1000}::float8)`;
  expect(counted).toEqual({ logged: usual });
  expect(await listIncidents(model)).toMatchObject([
    { kind: 'volume', status: 'resolved', because: 'its alarms have ended' },
  ]);
});

test('an hour is judged an hour after a gateway ended without a word, and not before', async () => {
  const { database } = test_;
  const model = await promoted();
  await look(model);
  await lookedSince(model, null);
  await beat('gw-lost', 1, false);
  const expire = (minutes: number) =>
    database.sql`update gateways set lease_until = now() - make_interval(mins => ${minutes}) where id = 'gw-lost'`;
  await expire(50);
  await look(model);
  expect(await judgedUntil(model)).toBeNull();
  await expire(70);
  await look(model);
  expect(await judgedUntil(model)).not.toBeNull();
});

test('failed and refused requests count, once for each gateway and hour', async () => {
  const { registry, database } = test_;
  const model = await promoted();
  await look(model);
  const hour = new Date(newestHour()).toISOString();
  await received(model, newestHour() - hourMs, 2, 'champion');
  await look(model);
  const earlier = new Date(newestHour() - 2 * hourMs).toISOString();
  const of = { tenant, model, version: 1, hour, column: null };
  const failures = [
    { ...of, reason: 'failed' as const, failed: 30 },
    { ...of, reason: 'refused' as const, failed: 5 },
    { ...of, reason: 'malformed' as const, failed: 5 },
    { ...of, reason: 'failed' as const, failed: 9, hour: earlier },
  ];
  for (const id of ['gw-1', 'gw-1', 'gw-2'])
    await registry.gateways.reportFailures({ id, failures });
  for (let looks = 0; looks < 2; looks += 1) {
    await lookedSince(model, null);
    await look(model);
  }
  const [counted] = await database.sql<{ unanswered: number }[]>`
    select unanswered::int from request_hours where model = ${model} and hour = ${hour}::timestamptz`;
  expect(counted).toEqual({ unanswered: 70 });
  // Before the first counted hour.
  expect(
    await database.sql`select from request_hours where model = ${model} and hour = ${earlier}::timestamptz`,
  ).toHaveLength(0);
});

test('no hour is judged while the clock of a gateway is an hour behind, and the monitor says so', async () => {
  const model = await promoted();
  await look(model);
  const told = { id: 'gw-clock', url: 'http://late', epoch: 0, leaseSeconds: 60 };
  const { gateways } = test_.registry;
  await gateways.beat({ ...told, beat: 1, clockMs: Date.now() - hourMs });
  await lookedSince(model, null);
  await look(model);
  expect(await judgedUntil(model)).toBeNull();
  const monitor = await test_.registry.monitors.get({ tenant, model });
  expect(monitor?.results?.unknown).toContainEqual(
    expect.objectContaining({
      why: expect.stringContaining('the clock of the gateway http://late is ') as string,
    }),
  );
  await gateways.beat({ ...told, beat: 2, clockMs: Date.now() });
  await look(model);
  expect(await judgedUntil(model)).not.toBeNull();
});

test('a monitor that was off and is on again counts what came meanwhile, and waits before it judges', async () => {
  const { registry, database } = test_;
  const model = await promoted();
  await look(model);
  const hour = newestHour();
  await weeksBefore(model, hour);
  await registry.monitors.turnOff({ tenant, model, why: 'of the test' });
  await received(model, hour + 1_000, 3, 'champion');
  const volume = { lookedMs: hour, resumedMs: hour - hourMs, result: null, waitsFor: null };
  await database.sql`
    update monitors set state = (state::jsonb || jsonb_build_object('volume', ${JSON.stringify(volume)}::jsonb))::json where model = ${model}`;
  await look(model);
  await look(model);
  const counted = await database.sql`
    select logged::int from request_hours where model = ${model} and hour = to_timestamp(${hour / 1000}::float8)`;
  expect(counted).toEqual([{ logged: 3 }]);
  expect(await judgedUntil(model)).toBeNull();
  expect(await listIncidents(model)).toEqual([]);
  await lookedSince(model, null);
  await look(model);
  expect(await listIncidents(model)).toMatchObject([{ kind: 'volume', status: 'open' }]);
});

test('a model that has just begun is not tested, and the monitor says from when it is', async () => {
  const model = await promoted();
  await received(model, newestHour() - 2 * hourMs, 50, 'champion');
  await look(model);
  await lookedSince(model, null);
  await look(model);
  const monitor = await test_.registry.monitors.get({ tenant, model });
  expect(monitor?.results?.alarms).toEqual([]);
  expect(monitor?.results?.unknown).toContainEqual({
    what: 'whether requests stop or double, by the hour, the day, the week',
    why: expect.stringContaining('the hour needs 3 weeks before it') as string,
    until: expect.stringMatching(
      /^the first hour that can be compared was judged, at .* or later$/,
    ) as string,
  });
});
