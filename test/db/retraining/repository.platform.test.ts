import type { RunId } from '../../../domain/ids';
import { defaultMonitor, type MonitorSpec } from '../../../domain/lifecycle/sections/monitor-spec';
import type { BrokenData, RetrainingCause } from '../../../domain/retraining/retraining';
import type { RunStatus } from '../../../domain/run/run';
import {
  toDigest,
  openTestRegistry,
  refTo,
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

const retrainings = () => test_.registry.retrainings;
const drift: RetrainingCause = { kind: 'drift', reason: 'distance drifted', brokenData: null };
const applied = async (monitor: Partial<MonitorSpec> = {}): Promise<string> => {
  const lifecycle = unique('model');
  const revision = {
    lifecycle,
    digest: toDigest(lifecycle),
    spec: { ...spec, name: lifecycle, monitor: { ...defaultMonitor, ...monitor } },
    files: { 'a.sql': refTo('a') },
    contracts: {},
  };
  await test_.registry.lifecycles.apply({ tenant, revision, actor: 'key:test' });
  return lifecycle;
};
const listRuns = async (lifecycle: string) =>
  (await test_.registry.runs.list({ tenant, lifecycle, pageSize: 50 })).items;
const newest = async (lifecycle: string): Promise<RunId> => {
  const [run] = await listRuns(lifecycle);
  if (!run) throw new Error('no run');
  return run.id;
};
const end = (id: RunId, status: RunStatus) =>
  test_.registry.runs.update({
    tenant,
    id,
    status,
    ...(status === 'failed' && { failure: { type: 'JobFailed', message: 'exit 1' } }),
  });
const request = (lifecycle: string, cause = drift) =>
  retrainings().request({ tenant, lifecycle, cause });
const tickAll = async () => {
  for (const name of await retrainings().due({ limit: 100 })) await retrainings().tick(name);
};

test('a hundred requests at once start one run, which the outbox starts', async () => {
  const lifecycle = await applied();
  const answers = await Promise.all(Array.from({ length: 100 }, () => request(lifecycle)));
  expect(answers.filter(({ kind }) => kind === 'started')).toHaveLength(1);
  expect(answers.filter(({ kind }) => kind === 'skipped')).toHaveLength(99);
  const runs = await listRuns(lifecycle);
  expect(runs).toMatchObject([
    { status: 'pending', actor: 'retraining:drift', request: { reason: 'distance drifted' } },
  ]);
  const started = await test_.database.sql`
    select from outbox where topic = 'run.start' and payload->>'runId' = ${runs[0]?.id ?? ''}`;
  expect(started).toHaveLength(1);
});

test('the run of a person is neither doubled nor cancelled', async () => {
  const lifecycle = await applied({ runStrategy: 'replace' });
  const { id } = await test_.registry.runs.open({
    tenant,
    workflowId: unique('workflow'),
    lifecycle,
    request: {},
    actor: 'key:ann',
    traceId: 'trace',
  });
  expect(await request(lifecycle)).toEqual({ kind: 'queued', why: `${id} is open` });
  await end(id, 'succeeded');
  await test_.database.sql`update retrainings set due_at = now() where lifecycle = ${lifecycle}`;
  await tickAll();
  expect((await listRuns(lifecycle)).map(({ actor }) => actor)).toEqual([
    'retraining:drift',
    'key:ann',
  ]);
});

test('a replaced run is cancelled, and the next one starts when it has ended', async () => {
  const lifecycle = await applied({ runStrategy: 'replace' });
  await request(lifecycle);
  const first = await newest(lifecycle);
  expect(await request(lifecycle)).toMatchObject({ kind: 'queued' });
  const cancels = await test_.database.sql`
    select from outbox where topic = 'run.cancel' and payload->>'runId' = ${first}`;
  expect(cancels).toHaveLength(1);
  await tickAll();
  expect(await listRuns(lifecycle)).toHaveLength(1);
  await end(first, 'cancelled');
  await tickAll();
  expect(await listRuns(lifecycle)).toHaveLength(2);
  expect(await retrainings().get({ tenant, lifecycle })).toMatchObject({ fruitless: 0 });
});

test('fruitless runs stop automatic ones with an incident, until a person resolves it', async () => {
  const lifecycle = await applied({ cooldownSeconds: 1, maxFailures: 2 });
  for (const status of ['stopped', 'failed'] as const) {
    await test_.database.sql`
      update retrainings set state = jsonb_set(state::jsonb, '{notBefore}', 'null')::json where lifecycle = ${lifecycle}`;
    expect((await request(lifecycle)).kind).toBe('started');
    await end(await newest(lifecycle), status);
    await tickAll();
  }
  expect((await request(lifecycle)).kind).toBe('stopped');
  const { items } = await test_.registry.incidents.list({ tenant, model: lifecycle, pageSize: 5 });
  expect(items).toMatchObject([
    {
      kind: 'retraining',
      severity: 'critical',
      title: 'automatic and scheduled runs stopped after 2 fruitless ones',
    },
  ]);
  const by = { tenant, id: items[0]?.id ?? '', actor: 'ann', reason: 'the label was repaired' };
  await test_.registry.incidents.resolveById(by);
  expect((await request(lifecycle)).kind).toBe('started');
});

test('a run whose model is the champion already releases nothing', async () => {
  const lifecycle = await applied();
  await request(lifecycle);
  const message = `${lifecycle}@1 is already the champion`;
  await test_.registry.runs.update({
    tenant,
    id: await newest(lifecycle),
    status: 'succeeded',
    verdict: { kind: 'passed', reasons: [{ gate: 'promote', code: 'promote.unchanged', message }] },
  });
  await tickAll();
  expect(await retrainings().get({ tenant, lifecycle })).toMatchObject({
    run: null,
    fruitless: 0,
    alarmRuns: { fruitless: 1, stopped: false },
  });
});

test('alarms whose runs find no better model stop alone, until another run releases one', async () => {
  const lifecycle = await applied({ cooldownSeconds: 1, maxFailures: 1 });
  const alarm = () =>
    test_.registry.incidents.open({ tenant, model: lifecycle, key: 'retraining-alarms-stopped' });
  const again = async () => {
    await test_.database.sql`
      update retrainings set state = jsonb_set(state::jsonb, '{notBefore}', 'null')::json where lifecycle = ${lifecycle}`;
  };
  await request(lifecycle);
  const message = `${lifecycle}@1 is already the champion`;
  await test_.registry.runs.update({
    tenant,
    id: await newest(lifecycle),
    status: 'succeeded',
    verdict: { kind: 'passed', reasons: [{ gate: 'promote', code: 'promote.unchanged', message }] },
  });
  await tickAll();
  expect(await alarm()).toMatchObject({
    severity: 'warning',
    title: 'runs for alarms stopped after 1 that found no better model',
  });
  await again();
  expect(await request(lifecycle)).toMatchObject({ kind: 'stopped' });
  // New data start a run nevertheless, and its release ends the stop.
  const event: RetrainingCause = { kind: 'event', reason: 'event 7', brokenData: null };
  expect(await request(lifecycle, event)).toMatchObject({ kind: 'started' });
  await end(await newest(lifecycle), 'succeeded');
  await tickAll();
  expect(await alarm()).toBeNull();
  await again();
  expect(await request(lifecycle)).toMatchObject({ kind: 'started' });
});

test('broken data hold automatic runs with an incident that names them', async () => {
  const lifecycle = await applied();
  const data = { name: 'flights@3', problem: 'dep_delay is in seconds instead of minutes.' };
  expect(await request(lifecycle, { ...drift, brokenData: data })).toMatchObject({ kind: 'held' });
  const held = async () =>
    (await test_.registry.incidents.list({ tenant, model: lifecycle, pageSize: 5 })).items;
  expect(await held()).toMatchObject([
    { kind: 'data', status: 'open', story: { dataVersion: 'flights@3', what: data.problem } },
  ]);
  expect(await listRuns(lifecycle)).toEqual([]);
  expect((await request(lifecycle)).kind).toBe('started');
  expect(await held()).toMatchObject([
    { status: 'resolved', because: 'flights@3 is no longer broken' },
  ]);
});

test('a hold ends when its alarm ends, and the run that waited for it starts', async () => {
  const lifecycle = await applied({ runStrategy: 'queue' });
  const data = { name: 'request data of x', problem: 'it is missing.' };
  await request(lifecycle, { ...drift, brokenData: data });
  const event: RetrainingCause = { kind: 'event', reason: 'event 7', brokenData: null };
  expect((await request(lifecycle, event)).kind).toBe('held');
  const broken = { tenant, lifecycle, callsForRun: true, isBroken: true };
  await retrainings().observe(broken);
  expect(await listRuns(lifecycle)).toEqual([]);
  const quiet = { ...broken, callsForRun: false, isBroken: false };
  await retrainings().observe(quiet);
  await retrainings().observe(quiet);
  expect(await retrainings().get({ tenant, lifecycle })).toMatchObject({ hold: null });
  expect(await listRuns(lifecycle)).toMatchObject([{ actor: 'retraining:event' }]);
  expect(
    await test_.registry.incidents.open({ tenant, model: lifecycle, key: 'retraining-held' }),
  ).toBeNull();
});

test('a run that waits for an open one is dropped when its alarm ends', async () => {
  const lifecycle = await applied({ runStrategy: 'queue' });
  await request(lifecycle);
  expect((await request(lifecycle)).kind).toBe('queued');
  const seen = { tenant, lifecycle, callsForRun: true, isBroken: false };
  await retrainings().observe(seen);
  expect(await retrainings().get({ tenant, lifecycle })).toMatchObject({ queued: drift });
  await retrainings().observe({ ...seen, callsForRun: false });
  expect(await retrainings().get({ tenant, lifecycle })).toMatchObject({ queued: null });
});

/** Starts a run, which the contract of its source stops. Returns the broken data. */
async function stopByContract(lifecycle: string): Promise<BrokenData> {
  await request(lifecycle);
  const run = await newest(lifecycle);
  const problem = 'flights: nulls of distance: 12 %';
  const verdict = {
    kind: 'failed',
    reasons: [{ gate: 'contract', code: 'contract.nulls', message: problem }],
  };
  const output = {
    datasets: { flights: { dataset: `${lifecycle}.flights`, version: 3 } },
    contracts: { flights: { verdict, report: { checks: [] } } },
  };
  await test_.database.sql`
    insert into stage_records (tenant_id, run_id, stage, generation, lifecycle, status, cache_key, output, ended_at)
    values (${tenant}, ${run}, 'validate', 0, ${lifecycle}, 'stopped', ${toDigest(lifecycle)}, ${JSON.stringify({ output })}, now())`;
  await end(run, 'stopped');
  await tickAll();
  return { name: `${lifecycle}.flights@3`, problem };
}

test('a contract that stops a run holds the next one, until a person releases it', async () => {
  const lifecycle = await applied({ cooldownSeconds: 1, runStrategy: 'queue' });
  const data = await stopByContract(lifecycle);
  expect(await retrainings().get({ tenant, lifecycle })).toMatchObject({
    fruitless: 0,
    hold: { ...data, shownBy: 'contract' },
  });
  const held = await test_.registry.incidents.open({
    tenant,
    model: lifecycle,
    key: 'retraining-held',
  });
  expect(held).toMatchObject({
    story: {
      dataVersion: data.name,
      what: data.problem,
      // This lifecycle has no trigger that new data could start.
      waitsFor: `Somebody must repair ${data.name}, then resolve this incident.`,
    },
  });
  expect((await request(lifecycle)).kind).toBe('held');
  const by = { tenant, id: held?.id ?? '', actor: 'ann', reason: 'the contract was too narrow' };
  await test_.registry.incidents.resolveById(by);
  await test_.database.sql`update retrainings set due_at = now() where lifecycle = ${lifecycle}`;
  await tickAll();
  expect(await retrainings().get({ tenant, lifecycle })).toMatchObject({ hold: null });
});

test('an open alarm still holds runs when an event ends the hold by a contract', async () => {
  const lifecycle = await applied({ cooldownSeconds: 1, runStrategy: 'queue' });
  const data = await stopByContract(lifecycle);
  const requests = { name: 'request data of x', problem: 'it is missing.' };
  const held = async () => (await retrainings().get({ tenant, lifecycle })).hold;
  const anyTime = expect.any(String) as string;
  const incident = () =>
    test_.registry.incidents.open({ tenant, model: lifecycle, key: 'retraining-held' });
  const quiet = { tenant, lifecycle, callsForRun: false, isBroken: false };

  await request(lifecycle, { ...drift, brokenData: requests });
  expect(await held()).toMatchObject({ ...data, shownBy: 'contract', alarm: requests });
  await retrainings().observe(quiet);
  expect(await held()).toEqual({ ...data, shownBy: 'contract', until: anyTime });

  await request(lifecycle, { ...drift, brokenData: requests });
  const byContract = await incident();
  const event: RetrainingCause = { kind: 'event', reason: 'event 7', brokenData: null };
  expect(await request(lifecycle, event)).toMatchObject({
    kind: 'held',
    why: `no automatic run starts while ${requests.name} is broken: ${requests.problem}`,
  });
  expect(await held()).toEqual({ ...requests, shownBy: 'alarm', until: anyTime });
  const byAlarm = await incident();
  expect(byAlarm).toMatchObject({ story: { dataVersion: requests.name } });
  expect(byAlarm?.id).not.toBe(byContract?.id);
  expect(await listRuns(lifecycle)).toHaveLength(1);

  await test_.database.sql`
    update retrainings set state = jsonb_set(state::jsonb, '{notBefore}', 'null')::json where lifecycle = ${lifecycle}`;
  await retrainings().observe(quiet);
  expect(await incident()).toBeNull();
  expect((await listRuns(lifecycle))[0]).toMatchObject({ actor: 'retraining:event' });
});

test('an unknown lifecycle is an error', async () => {
  await expect(request('nobody')).rejects.toMatchObject({ type: 'NotFound' });
});
