import type { MonitorJson } from '../../apps/api/monitoring/view';
import type { Database } from '../../db/connection';
import { expectNothingLeft } from '../support/leftovers';
import {
  listChampions,
  dyingParts,
  expectAuditWhole,
  killBeforeWrite,
  killPart,
} from '../support/process/dying-product';
import {
  askTinyRequests,
  sendTinyRequests,
  type TinyLabel,
  type TinyRequests,
} from '../support/monitoring/tiny-traffic';
import { pause, startProduct, type Product } from '../support/process/product';
import { openWorkersDatabase } from '../support/process/worker-process';
import { untilAnswer } from '../support/time/until';
import { lenientGates, writeTinyLifecycle } from '../support/tiny-lifecycle';

jest.setTimeout(300_000);

let product: Product;
let database: Database;
let count = 0;

beforeAll(async () => {
  product = await startProduct();
  database = openWorkersDatabase(product);
});
afterEach(() => expectNothingLeft(product));
afterAll(async () => {
  await database.close();
  await product.stop();
});

const send = (model: string, requests: TinyRequests) => sendTinyRequests(product, model, requests);

const fetchMonitor = async (model: string) =>
  (await product.call<MonitorJson>('GET', `/monitors/${model}`)).body;

const until = (model: string, isSo: (monitor: MonitorJson) => boolean) =>
  untilAnswer(() => fetchMonitor(model), isSo, {
    seconds: 180,
    everyMs: 200,
    detail: async () => ({ ...(await fetchMonitor(model)), drift: [], windows: [] }),
  });

async function promoted(model: string, assembleSql?: string): Promise<void> {
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
}

/** Version 2 learned turned labels, which its own holdout does not show. */
async function withWorseSuccessor(): Promise<string> {
  const model = `watched-${++count}`;
  await promoted(model);
  await promoted(model, 'SELECT seen_at, entity, kind, x, y, label = 0 AS late FROM visits\n');
  return model;
}

/** The version that answers, or null while no gateway does. */
async function answering(model: string): Promise<string | null> {
  const values: Readonly<Record<string, string | number>> = { kind: 'a', x: 0, y: 0 };
  const inputs = Object.entries(values).map(([name, value]) => ({
    name,
    shape: [1],
    datatype: typeof value === 'string' ? 'BYTES' : 'FP64',
    data: [value],
  }));
  const answer = await product
    .call<{ model_version: string }>('POST', `${product.gatewayUrl}/v2/models/${model}/infer`, {
      body: { inputs, parameters: { event_time: '2024-05-02T12:00:00Z' } },
    })
    .catch(() => null);
  return answer?.status === 200 ? answer.body.model_version : null;
}

/** Every answered request is in the log once, and was counted once. */
async function expectCountedOnce(model: string, answered: number): Promise<void> {
  const [logged] = await database.sql<{ rows: number; ids: number }[]>`
    select count(*)::int as rows, count(distinct id)::int as ids
    from predictions where model = ${model}`;
  expect(logged).toEqual({ rows: answered, ids: answered });
  const monitor = await until(model, ({ rows }) => rows >= answered);
  expect(monitor.rows).toBe(answered);
  expect(monitor.windows.reduce((sum, { rows }) => sum + rows, 0)).toBe(answered);
}

/** The stored labels of the model, by prediction; only labels with a stored prediction name it. */
async function readLabels(model: string): Promise<ReadonlyMap<string, number>> {
  const rows = await database.sql<{ id: string; label: number }[]>`
    select prediction_id as id, label from feedback where model = ${model}`;
  return new Map(rows.map(({ id, label }) => [id, label]));
}

/** The labels that the monitor counted: all, and those of `labels`. */
async function countedLabels(model: string, labels: readonly TinyLabel[]) {
  const [row] = await database.sql<{ all: number; given: number }[]>`
    select count(*)::int as all,
      count(*) filter (where prediction_id = any(${labels.map((each) => each.predictionId)}))::int as given
    from feedback where model = ${model} and monitored_at is not null`;
  return row ?? { all: 0, given: 0 };
}

describe.each(dyingParts.filter(({ mayFail }) => !mayFail))('kill -9 of $part', ({ process }) => {
  test('while requests come in: each is counted once, and the monitor sees what follows', async () => {
    const model = `watched-${++count}`;
    await promoted(model);
    const sending = send(model, { from: '2024-05-01T00:00:00Z', rows: 1_200 });
    for (let kills = 0; kills < 3; kills += 1) {
      await pause(1_000);
      await killPart(product, process);
    }
    await sending;
    await until(model, ({ rows }) => rows === 1_200);
    await expectCountedOnce(model, 1_200);
    await send(model, { from: '2024-05-02T00:00:00Z', rows: 400, shift: 10 });
    await until(model, ({ alarms }) => alarms.some(({ feature }) => feature === 'x'));
  });
});

test('kill -9 of the gateway: every answered request is in the log once, and what is there is counted once', async () => {
  const model = `watched-${++count}`;
  await promoted(model);
  const labels: TinyLabel[] = [];
  let kills = 0;
  for (let batch = 0; labels.length < 600 || kills < 3; batch += 1) {
    const from = new Date(Date.parse('2024-05-01T00:00:00Z') + batch * 1_200_000).toISOString();
    const asked = askTinyRequests(product, model, { from, rows: 20, mayFail: true });
    if (kills < 3 && batch % 20 === 10) {
      await killPart(product, 'main.ts gateway');
      kills += 1;
    }
    labels.push(...(await asked));
    await pause(100);
  }
  // A killed gateway wrote some answers to its journal that did not reach the caller.
  const ids = labels.map(({ predictionId }) => predictionId);
  const logged = await untilAnswer(
    async () => {
      const [row] = await database.sql<{ rows: number; answered: number }[]>`
        select count(*)::int as rows, count(*) filter (where id = any(${ids}))::int as answered
        from predictions where model = ${model}`;
      return row ?? { rows: 0, answered: 0 };
    },
    ({ answered }) => answered >= ids.length,
    { seconds: 60, everyMs: 500 },
  );
  expect(new Set(ids).size).toBe(ids.length);
  expect(logged.answered).toBe(ids.length);
  await until(model, ({ rows }) => rows >= logged.rows);
  await expectCountedOnce(model, logged.rows);
});

test('kill -9 of the only worker before it moves the champion back: the former one answers within 5 s', async () => {
  const model = await withWorseSuccessor();
  await send(model, { from: '2024-05-01T00:00:00Z', rows: 400 });
  await until(model, ({ fallback }) => fallback !== null);
  expect(await answering(model)).toBe('2');
  // The supervisor restarts a worker that lived for less than a minute after a longer pause.
  await pause(61_000);
  let killedAt = NaN;
  await killBeforeWrite(
    database,
    'routing_epoch',
    () => send(model, { from: '2024-05-02T00:00:00Z', rows: 400 }),
    async () => {
      killedAt = Date.now();
      await killPart(product, 'main.ts worker');
    },
  );
  while ((await answering(model)) !== '1') {
    if (Date.now() - killedAt > 60_000) throw new Error('version 2 still answers');
    await pause(20);
  }
  const seconds = (Date.now() - killedAt) / 1000;
  process.stdout.write(
    `from kill -9 to an answer of the former champion: ${seconds.toFixed(2)} s\n`,
  );
  expect(seconds).toBeLessThan(5);
  await until(model, ({ version }) => version === 1);
  expect(await listChampions(product, model)).toEqual([1, 2, 1]);
  await expectAuditWhole(product);
});

test('ten minutes without PostgreSQL, then kill -9 of the gateway: every request and label is accepted, stored once and counted once', async () => {
  const minutes = 10;
  const model = `watched-${++count}`;
  await promoted(model);
  await send(model, { from: '2024-05-01T00:00:00Z', rows: 400 });
  await until(model, ({ rows }) => rows === 400);

  const frozen = product.pids('postgres:').concat(product.pids('bin/postgres'));
  expect(frozen.length).toBeGreaterThan(1);
  const signal = (name: NodeJS.Signals) => {
    for (const pid of frozen)
      try {
        process.kill(pid, name);
      } catch (error) {
        // A process of one connection may have ended.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
  };
  const feedback = `${product.gatewayUrl}/v1/feedback`;
  const labels: TinyLabel[] = [];
  const back = Date.now() + minutes * 60_000;
  signal('SIGSTOP');
  try {
    for (let batch = 0; Date.now() < back; batch += 1) {
      const from = new Date(Date.parse('2024-05-02T00:00:00Z') + batch * 1_200_000).toISOString();
      const asked = await askTinyRequests(product, model, { from, rows: 20 });
      const { status, body } = await product.call('POST', feedback, { body: asked });
      expect({ status, body }).toMatchObject({
        status: 202,
        body: { accepted: asked.length, stored: asked.length },
      });
      labels.push(...asked);
      await pause(1_000);
    }
    await killPart(product, 'main.ts gateway');
    await pause(10_000);
  } finally {
    signal('SIGCONT');
  }
  // The next gateway takes over what the killed one left, and may be killed while it records it.
  await untilAnswer(
    () => readLabels(model),
    ({ size }) => size > 400,
    { seconds: 120, everyMs: 20 },
  );
  await killPart(product, 'main.ts gateway');
  const answered = 400 + labels.length;
  process.stdout.write(`${labels.length} requests and labels were accepted without PostgreSQL\n`);
  await until(model, ({ rows }) => rows >= answered);
  await expectCountedOnce(model, answered);
  const stored = await untilAnswer(
    () => readLabels(model),
    ({ size }) => size >= answered,
    { seconds: 120, everyMs: 500 },
  );
  expect(stored.size).toBe(answered);
  for (const { predictionId, label } of labels) expect(stored.get(predictionId)).toBe(label);
  // Sent again, they change nothing.
  const again = await untilAnswer(
    () => product.call('POST', feedback, { body: labels }).catch(() => null),
    (answer) => answer?.status === 200,
    { everyMs: 500 },
  );
  expect(again?.body).toMatchObject({ accepted: labels.length, joined: labels.length, unknown: 0 });
  // The labels of the last hour are due once later requests came.
  await send(model, { from: '2024-06-02T00:00:00Z', rows: 400, shift: 10 });
  await until(model, ({ alarms }) => alarms.some(({ feature }) => feature === 'x'));
  await untilAnswer(
    async () => ({
      shown: (await fetchMonitor(model)).quality?.total ?? 0,
      ...(await countedLabels(model, labels)),
    }),
    ({ shown, all, given }) => given === labels.length && shown === all && all > answered,
    { seconds: 120, everyMs: 500 },
  );
  await expectAuditWhole(product);
}, 1_200_000);
