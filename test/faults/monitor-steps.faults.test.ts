import type { MonitorJson } from '../../apps/api/monitoring/view';
import type { RunJson } from '../../apps/cli/run/view';
import { defaultTenant as tenant } from '../../domain/ids';
import type { Incident } from '../../domain/incident/incident';
import { monitorWorkflowId } from '../../workflows/monitoring/messages';
import type { Database } from '../../db/connection';
import { expectNothingLeft, openTemporal } from '../support/leftovers';
import {
  listChampions,
  expectAuditWhole,
  killBeforeWrite,
  killPart,
} from '../support/process/dying-product';
import { sendTinyRequests } from '../support/monitoring/tiny-traffic';
import { startProduct, type Product } from '../support/process/product';
import { openWorkersDatabase } from '../support/process/worker-process';
import { untilAnswer } from '../support/time/until';
import { lenientGates, writeTinyLifecycle } from '../support/tiny-lifecycle';

jest.setTimeout(600_000);

let product: Product;
let database: Database;

beforeAll(async () => {
  product = await startProduct();
  database = openWorkersDatabase(product);
});
afterEach(() => expectNothingLeft(product));
afterAll(async () => {
  await database.close();
  await product.stop();
});

const fetchMonitor = async (model: string) =>
  (await product.call<MonitorJson>('GET', `/monitors/${model}`)).body;
const listItems = async <T>(path: string): Promise<readonly T[]> =>
  (await product.call<{ items: readonly T[] }>('GET', path)).body.items;
const listIncidents = (model: string) => listItems<Incident>(`/incidents?model=${model}`);
const killWorker = () => killPart(product, 'main.ts worker');

const untilMonitor = (model: string, isSo: (monitor: MonitorJson) => boolean) =>
  untilAnswer(() => fetchMonitor(model), isSo, { seconds: 180, everyMs: 200 });

async function expectLoggedOnce(model: string, asked: number): Promise<void> {
  const [logged] = await database.sql<{ rows: number; ids: number }[]>`
    select count(*)::int as rows, count(distinct id)::int as ids from predictions where model = ${model}`;
  expect(logged).toEqual({ rows: asked, ids: asked });
}

/** Every request is in the log once, and was counted once. */
async function expectCountedOnce(model: string, asked: number): Promise<void> {
  await expectLoggedOnce(model, asked);
  const { rows, windows } = await untilMonitor(model, (monitor) => monitor.rows >= asked);
  expect(rows).toBe(asked);
  expect(windows.reduce((sum, window) => sum + window.rows, 0)).toBe(asked);
  const [hours] = await database.sql<{ logged: number }[]>`
    select sum(logged)::int as logged from request_hours where model = ${model}`;
  expect(hours).toEqual({ logged: asked });
}

test('kill -9 of the worker before each write of a monitor: one incident, one automatic run, each request counted once', async () => {
  const model = 'steps';
  const written = (seed: number) =>
    writeTinyLifecycle(product.workDir, {
      name: model,
      seed,
      evaluate: lenientGates,
      monitor: '{ every: 1s, onAlarm: retrain, cooldown: 1d }',
    });
  await product.apply(written(7));
  await killBeforeWrite(
    database,
    'monitors',
    () => product.start(model).then(() => undefined),
    killWorker,
  );
  await untilMonitor(model, ({ version }) => version === 1);
  const quiet = { from: '2024-05-01T00:00:00Z', rows: 400 };
  await killBeforeWrite(
    database,
    'monitor_windows',
    () => sendTinyRequests(product, model, quiet),
    killWorker,
  );
  await expectCountedOnce(model, 400);

  // Rows arrived meanwhile, so the next version differs.
  written(8);
  const shifted = { from: '2024-05-02T00:00:00Z', rows: 400, shiftY: 3 };
  // Two tables are locked at once, each by a transaction of its own.
  const other = openWorkersDatabase(product);
  const ask = () => sendTinyRequests(product, model, shifted);
  try {
    await killBeforeWrite(
      other,
      'retrainings',
      () => killBeforeWrite(database, 'incidents', ask, killWorker),
      killWorker,
    );
  } finally {
    await other.close();
  }
  const runs = await untilAnswer(
    () => listItems<RunJson>(`/runs?lifecycle=${model}`),
    ([newest]) => newest?.actor === 'retraining:drift' && newest.endedAt !== null,
    { seconds: 240, everyMs: 500 },
  );
  expect(runs.map(({ actor, status }) => [actor.split(':')[0], status])).toEqual([
    ['retraining', 'succeeded'],
    [expect.any(String), 'succeeded'],
  ]);
  expect((await listIncidents(model)).filter(({ kind }) => kind === 'drift')).toHaveLength(1);
  expect(await listChampions(product, model)).toEqual([2, 1]);
  await expectLoggedOnce(model, 800);
  await expectAuditWhole(product);
});

test('a monitor whose workflow was terminated goes on with the next requests, and counts each once', async () => {
  const model = 'terminated';
  await product.apply(
    writeTinyLifecycle(product.workDir, {
      name: model,
      evaluate: lenientGates,
      monitor: '{ every: 1s }',
    }),
  );
  await product.waitForEnd((await product.start(model)).body.id);
  await sendTinyRequests(product, model, { from: '2024-05-01T00:00:00Z', rows: 200 });
  await untilMonitor(model, ({ rows }) => rows === 200);
  const temporal = openTemporal(product);
  try {
    await temporal.workflow.getHandle(monitorWorkflowId({ tenant, model })).terminate('a test');
  } finally {
    await temporal.connection.close();
  }
  await sendTinyRequests(product, model, { from: '2024-05-02T00:00:00Z', rows: 200 });
  await expectCountedOnce(model, 400);
});

test('kill -9 of PostgreSQL, the gateway and the Temporal server before the champion moves back: the former one serves once they are back', async () => {
  const model = 'fallback';
  const promoted = async (assembleSql?: string): Promise<void> => {
    await product.apply(
      writeTinyLifecycle(product.workDir, {
        name: model,
        evaluate: lenientGates,
        monitor: '{ every: 1s, fallback: previous }',
        ...(assembleSql !== undefined && { assembleSql }),
      }),
    );
    const run = await product.waitForEnd((await product.start(model)).body.id);
    expect(run.status).toBe('succeeded');
  };
  await promoted();
  // Version 2 learns turned labels, which its own holdout does not show.
  await promoted('SELECT seen_at, entity, kind, x, y, label = 0 AS late FROM visits\n');
  await sendTinyRequests(product, model, { from: '2024-05-01T00:00:00Z', rows: 400 });
  await untilMonitor(model, ({ fallback }) => fallback !== null);
  await killBeforeWrite(
    database,
    'routing_epoch',
    () => sendTinyRequests(product, model, { from: '2024-05-02T00:00:00Z', rows: 400 }),
    async () => {
      for (const process of ['main.ts gateway', 'temporal server', 'bin/postgres'])
        await killPart(product, process);
    },
  );
  const monitor = await untilAnswer(
    () => fetchMonitor(model).catch(() => null),
    (each) => each?.version === 1,
    { seconds: 240, everyMs: 500 },
  );
  expect(monitor?.version).toBe(1);
  expect(await listChampions(product, model)).toEqual([1, 2, 1]);
  await expectAuditWhole(product);
});
