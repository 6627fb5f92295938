import fc from 'fast-check';
import type { PredictionId } from '../../../domain/ids';
import type { MonitorSettings } from '../../../domain/monitoring/monitor';
import { defaultMonitor } from '../../../domain/lifecycle/sections/monitor-spec';
import type { MonitorState } from '../../../domain/monitoring/observation/monitor-state';
import {
  emptyWindow,
  toHour,
  type WindowCounts,
} from '../../../domain/monitoring/observation/window';
import { newId } from '../../../db/ids';
import { selectStored } from '../../../db/monitoring/fold';
import { selectIsCounted } from '../../../db/monitoring/volume';
import type { FoldedBatch, MonitorBatch, MonitorLook } from '../../../db/monitoring/records';
import type { PredictionRow } from '../../../db/serving/prediction-records';
import { explain } from '../../support/query-plan';
import { promoteOver } from '../rollout/fixture';
import { earlierTransactionsEnd } from './fixture';
import {
  applyLifecycle,
  openTestRegistry,
  registerVersions,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';

let test_: TestRegistry;
beforeAll(async () => {
  test_ = await openTestRegistry({ maxConnections: 12 });
});
afterAll(() => test_.close());

const settings: MonitorSettings = {
  ...defaultMonitor,
  everySeconds: 1,
  task: 'classification',
  metric: 'logloss',
  timezone: 'UTC',
  availableAfterSeconds: 3600,
  service: { maxFailed: 0.01, latency: null },
};

/** A champion whose monitor has begun. */
async function watched(): Promise<{ readonly model: string; readonly fencing: number }> {
  const model = unique('watched');
  await applyLifecycle(test_.registry, model);
  await registerVersions(test_.registry, model, 2);
  return { model, fencing: await promote(model, 1) };
}

async function promote(model: string, version: number): Promise<number> {
  await promoteOver(test_.registry, model, version);
  const { champion } = await test_.registry.aliases.get({ tenant, model });
  const fencing = champion?.fencing ?? 0;
  await test_.registry.monitors.begin({
    tenant,
    model,
    version,
    fencing,
    revision: 1,
    settings,
    reference: null,
    waitingFor: null,
  });
  return fencing;
}

let minute = 0;

function prediction(model: string, over: Partial<PredictionRow> = {}): PredictionRow {
  minute += 1;
  return {
    tenant,
    id: newId('pred') as PredictionId,
    receivedAt: new Date().toISOString(),
    model,
    version: 1,
    arm: 'champion',
    entity: null,
    eventTime: new Date(Date.UTC(2013, 0, 1) + minute * 60_000).toISOString(),
    input: { distance: 100 },
    output: { score: 0.5 },
    latencyMs: 2,
    rollout: null,
    other: null,
    ...over,
  };
}

/** Counts, and notes which predictions it saw. */
function counter(seen: string[], labels: string[] = []) {
  return (state: MonitorState, batch: MonitorBatch): FoldedBatch => {
    seen.push(...batch.rows.map(({ id }) => id));
    labels.push(...batch.labels.map(({ id }) => id));
    const windows = new Map<string, WindowCounts>();
    for (const { at } of batch.rows) {
      const before = windows.get(toHour(at)) ?? emptyWindow;
      windows.set(toHour(at), { ...before, rows: before.rows + 1 });
    }
    for (const { at } of batch.labels) {
      const before = windows.get(toHour(at)) ?? emptyWindow;
      windows.set(toHour(at), { ...before, labels: before.labels + 1 });
    }
    return {
      state: {
        ...state,
        rows: state.rows + batch.rows.length,
        labels: state.labels + batch.labels.length,
      },
      results: {
        drift: [],
        quality: null,
        estimate: null,
        service: {
          rows: 0,
          failed: 0,
          interrupted: 0,
          p50Ms: null,
          p97Ms: null,
          lastReceivedAt: null,
          hours: [],
          tests: [],
        },
        refused: null,
        volume: null,
        skew: null,
        fallback: null,
        alarms: [],
        unknown: [],
      },
      windows,
    };
  };
}

const look = (
  at: { readonly model: string; readonly fencing: number },
  fold: ReturnType<typeof counter>,
  limit = 100,
): Promise<MonitorLook> =>
  test_.registry.monitors.fold({ tenant, ...at, limit, settleMs: 0, fold });

const readMonitor = (model: string) => test_.registry.monitors.get({ tenant, model });

async function rowsInWindows(model: string): Promise<number> {
  const windows = await test_.registry.monitors.windows({ tenant, model, version: 1, limit: 999 });
  return windows.reduce((sum, { counts }) => sum + counts.rows, 0);
}

async function store(rows: readonly PredictionRow[]): Promise<void> {
  await test_.registry.predictions.insert(rows);
  await earlierTransactionsEnd(test_.database);
}

test('each row counts once, whatever the batches, repeated calls and concurrent looks', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 9 }),
      async (batches, limit) => {
        const at = await watched();
        const seen: string[] = [];
        const stored: string[] = [];
        for (const size of batches) {
          const rows = Array.from({ length: size }, () => prediction(at.model));
          stored.push(...rows.map(({ id }) => id));
          await Promise.all([
            test_.registry.predictions.insert(rows),
            look(at, counter(seen), limit),
            look(at, counter(seen), limit),
          ]);
          await test_.registry.predictions.insert(rows);
        }
        await earlierTransactionsEnd(test_.database);
        for (let rest = 0; rest <= stored.length; rest += limit)
          await look(at, counter(seen), limit);
        expect([...seen].sort()).toEqual(stored.sort());
        expect((await readMonitor(at.model))?.state.rows).toBe(stored.length);
        expect(await rowsInWindows(at.model)).toBe(stored.length);
      },
    ),
    { numRuns: 8 },
  );
});

test('a row that was stored by a slow transaction counts after later rows were counted', async () => {
  const at = await watched();
  const [early, late] = [prediction(at.model), prediction(at.model)];
  const seen: string[] = [];
  const { sql } = test_.database;
  await sql.begin(async (tx) => {
    // The transaction has its number, and commits after the next one was looked at.
    await tx`select pg_current_xact_id()`;
    await test_.registry.predictions.insert([late]);
    await look(at, counter(seen));
    await tx`
      insert into predictions (tenant_id, day, id, received_at, model, version, arm, event_time, input, output, latency_ms)
      select ${tenant}, current_date, ${early.id}, now(), ${at.model}, 1, 'champion', ${early.eventTime}, '{}', '{}', 1`;
  });
  await earlierTransactionsEnd(test_.database);
  await look(at, counter(seen));
  await look(at, counter(seen));
  expect(seen.sort()).toEqual([early.id, late.id].sort());
});

test('a look that dies between counting and its commit counts nothing', async () => {
  const at = await watched();
  await store([prediction(at.model), prediction(at.model)]);
  const dying = look(at, () => {
    throw new Error('the worker was killed');
  });
  await expect(dying).rejects.toThrow('the worker was killed');
  const seen: string[] = [];
  await look(at, counter(seen));
  expect(seen).toHaveLength(2);
  expect(await rowsInWindows(at.model)).toBe(2);
});

test('rows of probes, of other versions and from before the promotion are passed over', async () => {
  const at = await watched();
  const counted = prediction(at.model);
  await store([
    prediction(at.model, { arm: 'probe' }),
    prediction(at.model, { version: 2, arm: 'challenger' }),
    prediction(at.model, { receivedAt: '2020-01-01T00:00:00Z' }),
    counted,
  ]);
  const seen: string[] = [];
  expect(await look(at, counter(seen))).toMatchObject({ kind: 'folded', read: 4, isDrained: true });
  expect(seen).toEqual([counted.id]);
});

test('rows of a gateway whose clock is an hour behind are counted from the promotion on', async () => {
  const at = await watched();
  const receivedAt = new Date(Date.now() - 3_600_000).toISOString();
  const counted = prediction(at.model, { receivedAt });
  await store([counted]);
  const seen: string[] = [];
  await look(at, counter(seen));
  expect(seen).toEqual([counted.id]);
});

test('requests that failed before the promotion do not count', async () => {
  const at = await watched();
  const hour = toHour(new Date(Date.now() - 7_200_000).toISOString());
  const of = { tenant, model: at.model, version: 1, hour, column: null };
  const failures = (['failed', 'refused'] as const).map((reason) => ({ ...of, reason, failed: 9 }));
  await test_.registry.gateways.reportFailures({ id: newId('gw'), failures });
  const batches: MonitorBatch[] = [];
  await look(at, (state, batch) => {
    batches.push(batch);
    return counter([])(state, batch);
  });
  expect(batches).toMatchObject([{ failed: [], refused: [] }]);
});

test('other settings keep the hours of the service, and another champion starts without them', async () => {
  const at = await watched();
  const hour = toHour(new Date().toISOString());
  const hours = [{ hour, rows: 50, latency: [50], slow: 0, failed: 1 }];
  const states: MonitorState[] = [];
  const seen = (state: MonitorState, batch: MonitorBatch): FoldedBatch => {
    states.push(state);
    const folded = counter([])(state, batch);
    return { ...folded, state: { ...folded.state, rows: 51, hours } };
  };
  await look(at, seen);
  await test_.registry.monitors.begin({
    tenant,
    ...at,
    version: 1,
    revision: 2,
    settings: { ...settings, everySeconds: 2 },
    reference: null,
    waitingFor: null,
  });
  await look(at, seen);
  await look({ model: at.model, fencing: await promote(at.model, 2) }, seen);
  expect(states.map((state) => [state.rows, state.hours])).toEqual([
    [0, []],
    [0, hours],
    [0, []],
  ]);
});

test('settings with the same tests keep the state and the results', async () => {
  const at = await watched();
  await store([prediction(at.model)]);
  await look(at, counter([]));
  const before = await readMonitor(at.model);
  const changed = { ...settings, everySeconds: 90, onAlarm: 'retrain' as const };
  await test_.registry.monitors.keep({ tenant, ...at, revision: 2, settings: changed });
  expect(await readMonitor(at.model)).toEqual({ ...before, revision: 2, settings: changed });
  const [row] = await test_.database.sql`
    select every_seconds from monitors where tenant_id = ${tenant} and model = ${at.model}`;
  expect(row).toEqual({ everySeconds: 90 });
});

test('a monitor that was stored before a setting or a figure existed goes on with the usual ones', async () => {
  const at = await watched();
  await look(at, counter([]));
  const before = await readMonitor(at.model);
  await test_.database.sql`
    update monitors set settings = (settings::jsonb - 'volume')::json, results = (results::jsonb #- '{service,interrupted}')::json
    where tenant_id = ${tenant} and model = ${at.model}`;
  expect(await readMonitor(at.model)).toEqual(before);
  const { watched: facts } = await test_.registry.monitors.facts({ tenant, model: at.model });
  expect(facts?.settings).toEqual(settings);
  expect(await look(at, counter([]))).toMatchObject({ kind: 'folded' });
});

test('a label counts once when it is due, also if it is sent again or changed', async () => {
  const at = await watched();
  const rows = Array.from({ length: 4 }, () => prediction(at.model));
  await store(rows);
  const [first] = rows;
  if (!first) throw new Error('no row');
  const label = (value: number, labelledAt: string) =>
    test_.registry.feedback.record({ tenant, predictionId: first.id, label: value, labelledAt });
  await label(1, '2013-01-02T00:00:00Z');
  const labels: string[] = [];
  await look(at, counter([], labels));
  expect(labels).toEqual([]);

  // Event time moves past the hour after which the label is due.
  const later = (hours: number) =>
    new Date(Date.parse(first.eventTime ?? '') + hours * 3_600_000).toISOString();
  await store([2, 2, 2].map((hours) => prediction(at.model, { eventTime: later(hours) })));
  await look(at, counter([], labels));
  await look(at, counter([], labels));
  expect(labels).toEqual([first.id]);
  await label(0, '2013-01-03T00:00:00Z');
  await look(at, counter([], labels));
  expect(labels).toEqual([first.id]);
});

test('due labels with contradictory values are counted, each once', async () => {
  const at = await watched();
  const shown = async () => {
    const monitor = await readMonitor(at.model);
    if (monitor === null) throw new Error('no monitor');
    return test_.registry.monitors.contradictedLabels(monitor);
  };
  expect(await shown()).toBeNull();
  const rows = Array.from({ length: 4 }, () => prediction(at.model));
  await store(rows);
  const label = ({ id: predictionId }: PredictionRow, value: number, day: number) =>
    test_.registry.feedback.record({
      tenant,
      predictionId,
      label: value,
      labelledAt: `2013-01-0${day}T00:00:00Z`,
    });
  for (const row of rows) await label(row, 1, 2);
  await look(at, counter([]));
  expect(await shown()).toMatchObject({ labels: 0, contradicted: 0 });

  const later = new Date(Date.parse(rows[3]?.eventTime ?? '') + 7_200_000).toISOString();
  await store([1, 2, 3].map(() => prediction(at.model, { eventTime: later })));
  const [before, after, undue] = [rows[0], rows[1], prediction(at.model, { eventTime: later })];
  if (!before || !after) throw new Error('no rows');
  await store([undue]);
  await label(before, 0, 3);
  await look(at, counter([]));
  // The monitor has counted the first value of this one. It changes twice.
  await label(after, 0, 3);
  await label(after, 1, 4);
  await label(undue, 0, 3);
  await label(undue, 1, 4);
  expect(await shown()).toMatchObject({ labels: 4, contradicted: 2 });
});

test('a look for a former champion counts nothing, and the next version starts empty', async () => {
  const at = await watched();
  await store([prediction(at.model)]);
  const fencing = await promote(at.model, 2);
  const seen: string[] = [];
  expect(await look(at, counter(seen))).toEqual({ kind: 'changed' });
  await store([prediction(at.model, { version: 2 })]);
  await look({ model: at.model, fencing }, counter(seen));
  expect(seen).toHaveLength(1);
  expect(await readMonitor(at.model)).toMatchObject({ version: 2, state: { rows: 1 } });
});

test('only monitors with something to count are due, each once in the time between two looks', async () => {
  const [busy, idle] = [await watched(), await watched()];
  for (const at of [busy, idle]) {
    await look(at, counter([]));
    // As after a minute without requests.
    await test_.database
      .sql`update monitors set woken_at = 'epoch', is_busy = false where model = ${at.model}`;
  }
  const due = async () =>
    (await test_.registry.monitors.due({ limit: 1000 }))
      .map(({ model }) => model)
      .filter((model) => model === busy.model || model === idle.model);
  expect(await due()).toEqual([]);
  await store([prediction(busy.model)]);
  expect(await due()).toEqual([busy.model]);
  expect(await due()).toEqual([]);
});

test('failed and refused rows of all gateways reach the look, and make the monitor due', async () => {
  const at = await watched();
  const batches: MonitorBatch[] = [];
  const noted = (state: MonitorState, batch: MonitorBatch) => {
    batches.push(batch);
    return counter([])(state, batch);
  };
  await look(at, noted);
  await test_.database
    .sql`update monitors set woken_at = 'epoch', is_busy = false where model = ${at.model}`;
  const hour = toHour(new Date().toISOString());
  const of = { tenant, model: at.model, version: 1, hour };
  const refused = { ...of, reason: 'refused', column: null } as const;
  const distance = { ...of, reason: 'wrong-type', column: 'distance' } as const;
  const report = (id: string, failed: number) =>
    test_.registry.gateways.reportFailures({
      id,
      failures: [
        { ...of, reason: 'failed', column: null, failed: 1 },
        { ...refused, failed },
        { ...distance, failed },
      ],
    });
  const [one, other] = [newId('gw'), newId('gw')];
  await report(one, 2);
  await report(one, 5);
  await report(other, 3);
  const due = await test_.registry.monitors.due({ limit: 1000 });
  expect(due.map(({ model }) => model)).toContain(at.model);
  await look(at, noted);
  expect(batches.map(({ failed, refused: found }) => [failed, found])).toEqual([
    [[], []],
    [
      [{ hour, failed: 2 }],
      [
        {
          hour,
          causes: [
            { reason: 'refused', column: null, rows: 8 },
            { reason: 'wrong-type', column: 'distance', rows: 8 },
          ],
        },
      ],
    ],
  ]);
});

test('requests in a killed gateway count once, for the champion and apart from failed ones', async () => {
  const at = await watched();
  const batches: MonitorBatch[] = [];
  const noted = (state: MonitorState, batch: MonitorBatch): FoldedBatch => {
    batches.push(batch);
    return counter([])(state, batch);
  };
  const of = { tenant: String(tenant), model: at.model };
  const report = (id: string, requests: number) =>
    test_.registry.gateways.reportInterrupted({
      id,
      at: new Date().toISOString(),
      models: [
        { ...of, requests },
        { ...of, model: `${at.model}-unknown`, requests },
        { ...of, tenant: 'nobody', requests },
        { ...of, model: 'a\0b\ud83d', requests },
        { tenant: '', model: '', requests },
      ],
    });
  await report('one', 3);
  await report('one', 3);
  await report('other', 4);
  await look(at, noted);
  const hour = toHour(new Date().toISOString());
  expect(batches).toMatchObject([
    { failed: [], interrupted: [{ hour, interrupted: 7 }], refused: [] },
  ]);
});

test('the figures for metrics follow from the results of the last look', async () => {
  const at = await watched();
  const bins = [{ bin: 'missing', problem: 'missing' as const, reference: 0, current: 0.2 }];
  const feature = { feature: 'distance', role: 'feature', effect: 0.3, tolerance: null, bins };
  const quality = {
    ...{ estimate: 0.5, lower: 0.4, upper: 0.6, reference: 0.48, limit: 0.51, bias: null },
    ...{ slices: [], tests: [] },
  };
  const skew = { compared: 200, agreeing: 150 };
  const refused = { rows: 3, requests: 9 };
  const volume = { scales: [{ scale: 'hour', newest: { requests: 120 } }] };
  const figures = async () =>
    (await test_.registry.monitors.figures()).find(({ model }) => model === at.model);
  await look(at, counter([]));
  expect(await figures()).toMatchObject({ quality: null, drift: [], refused: null, skew: null });
  await look(at, (state, batch) => {
    const folded = counter([])(state, batch);
    const measured = { quality: { ...quality, history: [] }, skew, refused, volume };
    const results = { drift: [feature], ...measured };
    return { ...folded, results: { ...folded.results, ...(results as unknown as object) } };
  });
  expect(await figures()).toEqual({
    ...{ tenant, model: at.model, version: 1, rows: 0, alarms: [], estimatedLoss: null },
    ...{ quality, drift: [feature], refused, skew, volume, maxRefused: 0.05 },
    secondsSinceLook: expect.any(Number) as number,
  });
});

test('a look reads only the rows behind its cursor', async () => {
  const [at, other] = [await watched(), await watched()];
  for (let batch = 0; batch < 4; batch += 1)
    await store(
      [at, other].flatMap(({ model }) => Array.from({ length: 500 }, () => prediction(model))),
    );
  await look(at, counter([]), 5_000);
  await store([prediction(at.model), prediction(at.model)]);
  const { sql } = test_.database;
  await test_.owner.sql`analyze predictions`;
  const [row] = await sql<Parameters<typeof selectStored>[1]['row'][]>`
    select tenant_id, model, version, cursor_xid::text as cursor_xid, cursor_id, started_at from monitors where model = ${at.model}`;
  if (!row) throw new Error('no monitor');
  const { rowsRead } = await explain(sql, selectStored(sql, { row, limit: 100 }), 'predictions');
  expect(rowsRead).toBeLessThanOrEqual(10);
  const until = Date.now() - 1_000_000;
  const counted = selectIsCounted(sql, { row, until });
  expect((await explain(sql, counted, 'predictions')).rowsRead).toBeLessThanOrEqual(10);
});

test('a model without a monitor, and one whose champion moved, are due', async () => {
  const model = unique('new');
  await applyLifecycle(test_.registry, model);
  await registerVersions(test_.registry, model, 2);
  await promoteOver(test_.registry, model, 1);
  const isDue = async () =>
    (await test_.registry.monitors.due({ limit: 1000 })).some((each) => each.model === model);
  expect(await isDue()).toBe(true);
  const facts = await test_.registry.monitors.facts({ tenant, model });
  expect(facts).toMatchObject({
    champion: { version: 1, task: 'classification' },
    revision: { revision: 1 },
    watched: null,
  });
  await test_.registry.monitors.turnOff({ tenant, model, why: 'monitor.enabled: false' });
  expect(await isDue()).toBe(false);
  await promoteOver(test_.registry, model, 2);
  expect(await isDue()).toBe(true);
});
