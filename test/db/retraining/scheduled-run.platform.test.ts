import type { RunId } from '../../../domain/ids';
import { defaultMonitor, type MonitorSpec } from '../../../domain/lifecycle/sections/monitor-spec';
import type { RetrainingCause } from '../../../domain/retraining/retraining';
import type { RunStatus } from '../../../domain/run/run';
import {
  toDigest,
  openTestRegistry,
  spec,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';

let test_: TestRegistry;
beforeAll(async () => {
  test_ = await openTestRegistry({ maxConnections: 20 });
});
afterAll(() => test_.close());

const drift: RetrainingCause = { kind: 'drift', reason: 'distance drifted', brokenData: null };
const applied = async (monitor: Partial<MonitorSpec> = {}): Promise<string> => {
  const lifecycle = unique('scheduled');
  const revision = {
    lifecycle,
    digest: toDigest(lifecycle),
    spec: { ...spec, name: lifecycle, monitor: { ...defaultMonitor, ...monitor } },
    files: {},
    contracts: {},
  };
  await test_.registry.lifecycles.apply({ tenant, revision, actor: 'key:test' });
  return lifecycle;
};
const day = (number: number) => new Date(Date.UTC(2026, 0, number, 3)).toISOString();
const fire = (lifecycle: string, number: number, allowsOpenRun = false) =>
  test_.registry.retrainings.openScheduled({
    tenant,
    lifecycle,
    workflowId: `run/${tenant}/${lifecycle}/scheduled-${day(number)}`,
    scheduledAt: day(number),
    allowsOpenRun,
    request: { reason: 'scheduled', until: day(number) },
    actor: 'schedule',
    traceId: 'trace',
  });
const request = (lifecycle: string, cause = drift) =>
  test_.registry.retrainings.request({ tenant, lifecycle, cause });
const listRuns = async (lifecycle: string) =>
  (await test_.registry.runs.list({ tenant, lifecycle, pageSize: 50 })).items;
const listSkips = (lifecycle: string) =>
  test_.registry.schedules.skips({ tenant, lifecycle, limit: 10 });
const readState = (lifecycle: string) => test_.registry.retrainings.get({ tenant, lifecycle });

async function opened(lifecycle: string, number: number): Promise<RunId> {
  const fired = await fire(lifecycle, number);
  if (fired.kind !== 'opened') throw new Error(fired.cause);
  return fired.run.id;
}

/** Ends the run, and lets the sweeper see that. */
async function end(id: RunId, status: RunStatus): Promise<void> {
  const failed = status === 'failed' && { failure: { type: 'JobFailed', message: 'exit 1' } };
  await test_.registry.runs.update({ tenant, id, status, ...failed });
  for (const due of await test_.registry.retrainings.due({ limit: 100 }))
    await test_.registry.retrainings.tick(due);
}

test('a time of the schedule and a hundred triggers make one run', async () => {
  const lifecycle = await applied();
  const [fired, ...answers] = await Promise.all([
    fire(lifecycle, 1),
    ...Array.from({ length: 100 }, () => request(lifecycle)),
  ]);
  expect(await listRuns(lifecycle)).toHaveLength(1);
  const started = answers.filter(({ kind }) => kind === 'started');
  expect(started).toHaveLength(fired.kind === 'opened' ? 0 : 1);
});

test('a time during an automatic run is skipped, with that run as the reason', async () => {
  const lifecycle = await applied();
  await request(lifecycle);
  const [run] = await listRuns(lifecycle);
  const cause = `${run?.id ?? ''} is open`;
  expect(await fire(lifecycle, 1)).toEqual({ kind: 'skipped', cause });
  // A retry of the activity.
  expect(await fire(lifecycle, 1)).toEqual({ kind: 'skipped', cause });
  expect(await listSkips(lifecycle)).toMatchObject([
    { scheduledAt: day(1), cause, runId: run?.id },
  ]);
  expect(await fire(lifecycle, 2, true)).toMatchObject({ kind: 'opened' });
  expect(await readState(lifecycle)).toMatchObject({ run: run?.id });
});

test('attempts at once open one run', async () => {
  const lifecycle = await applied();
  const attempts = await Promise.all([1, 1, 1, 1].map((number) => fire(lifecycle, number)));
  const ids = attempts.map((each) => (each.kind === 'opened' ? each.run.id : null));
  expect(new Set(ids).size).toBe(1);
  expect(ids).not.toContain(null);
  expect(await listSkips(lifecycle)).toEqual([]);
  expect(await readState(lifecycle)).toMatchObject({ run: ids[0], isScheduled: true });
});

test('fruitless scheduled runs stop the schedule and call a person', async () => {
  const lifecycle = await applied({ maxFailures: 2 });
  await end(await opened(lifecycle, 1), 'stopped');
  expect(await readState(lifecycle)).toMatchObject({ fruitless: 1, run: null });
  await end(await opened(lifecycle, 2), 'failed');
  const key = 'retraining-stopped';
  const incident = await test_.registry.incidents.open({ tenant, model: lifecycle, key });
  expect(incident).toMatchObject({ severity: 'critical' });
  const stopped = await fire(lifecycle, 3);
  expect(stopped).toEqual({
    kind: 'skipped',
    cause: `2 automatic or scheduled runs were fruitless, without a release between them; a person must resolve the incident (perennial incident show ${incident?.id ?? ''})`,
  });
  expect(await listRuns(lifecycle)).toHaveLength(2);
  const by = { tenant, id: incident?.id ?? '', actor: 'ann', reason: 'the label was repaired' };
  await test_.registry.incidents.resolveById(by);
  await end(await opened(lifecycle, 4), 'succeeded');
  expect(await readState(lifecycle)).toMatchObject({ fruitless: 0, stopped: false });
});

test('scheduled runs that find no better model do not stop the schedule', async () => {
  const lifecycle = await applied({ maxFailures: 2 });
  const stopAt = async (number: number, code: string) => {
    const run = await opened(lifecycle, number);
    const reason = { gate: 'x', code, message: 'the gate failed', outcome: 'failed' };
    const verdict = { kind: 'failed', reasons: [reason] };
    for (const [stage, status, left] of [
      ['validate', 'succeeded', { output: { datasets: {}, contracts: {} } }],
      ['evaluate', 'stopped', { output: {}, verdict }],
    ] as const)
      await test_.database.sql`
        insert into stage_records (tenant_id, run_id, stage, generation, lifecycle, status, cache_key, output, ended_at)
        values (${tenant}, ${run}, ${stage}, 0, ${lifecycle}, ${status}, ${toDigest(lifecycle)}, ${JSON.stringify(left)}, now())`;
    await end(run, 'stopped');
  };
  for (const number of [1, 2, 3]) await stopAt(number, 'superiority.refuted');
  expect(await readState(lifecycle)).toMatchObject({ fruitless: 0, stopped: false, run: null });
  await stopAt(4, 'parity.differs');
  await stopAt(5, 'superiority.refuted');
  expect(await readState(lifecycle)).toMatchObject({ fruitless: 1, stopped: false });
  await stopAt(6, 'threshold.missed');
  expect(await readState(lifecycle)).toMatchObject({ fruitless: 2, stopped: true });
});

test('an alarm of broken requests skips the times of the schedule, with its incident', async () => {
  const lifecycle = await applied();
  const brokenData = { name: 'request data of x', problem: 'it is missing.' };
  await request(lifecycle, { ...drift, brokenData });
  const key = 'retraining-held';
  const incident = await test_.registry.incidents.open({ tenant, model: lifecycle, key });
  expect(incident).toMatchObject({
    story: { engineDid: expect.stringContaining('automatic and scheduled runs') as string },
  });
  expect(await fire(lifecycle, 1)).toEqual({
    kind: 'skipped',
    cause: `no scheduled run starts while request data of x is broken: it is missing. (perennial incident show ${incident?.id ?? ''})`,
  });
  const seen = { tenant, lifecycle, callsForRun: false, isBroken: false };
  await test_.registry.retrainings.observe(seen);
  expect(await fire(lifecycle, 2)).toMatchObject({ kind: 'opened' });
});

describe('a person', () => {
  const requestedBy = async (action: 'trigger' | 'backfill', after?: object) => {
    const lifecycle = await applied();
    const by = { tenant, name: lifecycle, action, actor: 'ann', cause: 'a test' };
    await test_.registry.lifecycles.auditSchedule({ ...by, after });
    return (scheduledAt: string) =>
      test_.registry.schedules.isRequested({ tenant, lifecycle, scheduledAt });
  };

  test('requests the times of a backfill', async () => {
    const isRequested = await requestedBy('backfill', { from: day(1), to: day(3) });
    const times = [day(1), day(2), day(3), day(4)];
    expect(await Promise.all(times.map(isRequested))).toEqual([true, true, true, false]);
  });

  test('requests no time of a backfill that is later than the request', async () => {
    const later = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
    const isRequested = await requestedBy('backfill', { from: day(1), to: later(48) });
    expect(await Promise.all([day(1), later(24)].map(isRequested))).toEqual([true, false]);
  });

  test('requests the time of a trigger', async () => {
    const isRequested = await requestedBy('trigger');
    expect(await isRequested(new Date().toISOString())).toBe(true);
    expect(await isRequested(new Date(Date.now() + 600_000).toISOString())).toBe(false);
  });
});
