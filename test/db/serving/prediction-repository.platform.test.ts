import fc from 'fast-check';
import type { PredictionId } from '../../../domain/ids';
import { newId } from '../../../db/ids';
import { joinAges } from '../../../db/serving/feedback-repository';
import type { PredictionRow } from '../../../db/serving/prediction-records';
import {
  openTestRegistry,
  registerVersions,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';

const day = (offset: number) =>
  new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
const partition = (offset: number) => `predictions_${day(offset).replaceAll('-', '')}`;

function prediction(over: Partial<PredictionRow> = {}): PredictionRow {
  return {
    tenant,
    id: newId('pred') as PredictionId,
    receivedAt: new Date().toISOString(),
    model: 'flight-delay',
    version: 3,
    arm: 'champion',
    entity: 'N123',
    eventTime: '2013-07-01T05:00:00.000Z',
    input: { distance: 1400, origin: 'JFK' },
    output: { score: 0.25 },
    latencyMs: 1.5,
    rollout: null,
    other: null,
    ...over,
  };
}

describe('predictions', () => {
  let test_: TestRegistry;
  beforeEach(async () => {
    test_ = await openTestRegistry({ maxConnections: 10 });
  });
  afterEach(() => test_.close());

  const findPartition = async (id: string) =>
    (
      await test_.database.sql<
        { name: string }[]
      >`select tableoid::regclass::text as name from predictions where id = ${id}`
    )[0]?.name;
  const label = (predictionId: PredictionId, value: unknown, labelledAt = '2013-07-01T12:00:00Z') =>
    test_.registry.feedback.record({ tenant, predictionId, label: value, labelledAt });

  test('are read back unchanged, with their label if there is one', async () => {
    const { predictions } = test_.registry;
    const row = prediction();
    expect(await predictions.insert([row])).toBe(1);
    expect(await predictions.get({ tenant, id: row.id })).toEqual({
      ...row,
      label: null,
      labelledAt: null,
      receivedValues: null,
    });
    expect(await label(row.id, true)).toEqual({ joined: true, contradicts: false });
    expect(await predictions.get({ tenant, id: row.id })).toMatchObject({
      label: true,
      labelledAt: '2013-07-01T12:00:00.000Z',
    });
    expect(await predictions.get({ tenant, id: newId('pred') as PredictionId })).toBeNull();
  });

  test('have the task of their registered version', async () => {
    const { predictions } = test_.registry;
    const model = unique('model');
    await registerVersions(test_.registry, model, 1);
    const [registered, other] = [
      prediction({ model, version: 1 }),
      prediction({ model: 'gone', version: 3 }),
    ];
    await predictions.insert([registered, other]);
    const missing = newId('pred') as PredictionId;
    const tasks = await predictions.findTasks({ tenant, ids: [registered.id, other.id, missing] });
    expect(tasks).toEqual(
      new Map([
        [registered.id, { model, version: 1, task: 'classification', classes: null }],
        [other.id, { model: 'gone', version: 3, task: null, classes: null }],
      ]),
    );
    expect(await predictions.findTasks({ tenant, ids: [] })).toEqual(new Map());
  });

  test('are inserted once, even if a batch is repeated', async () => {
    const rows = [prediction(), prediction()];
    expect(await test_.registry.predictions.insert(rows)).toBe(2);
    expect(await test_.registry.predictions.insert([...rows, prediction()])).toBe(1);
    expect(await test_.registry.predictions.insert([])).toBe(0);
  });

  test('hold any JSON and any text', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({ input: fc.jsonValue(), entity: fc.option(fc.string({ unit: 'binary' })) }),
          {
            minLength: 1,
            maxLength: 5,
          },
        ),
        async (made) => {
          const rows = made.map((each) => prediction(each));
          await test_.registry.predictions.insert(rows);
          for (const row of rows) {
            const found = await test_.registry.predictions.get({ tenant, id: row.id });
            expect(found).toEqual({
              ...row,
              input: JSON.parse(JSON.stringify(row.input)) as unknown,
              entity: row.entity === null ? null : storable(row.entity),
              label: null,
              labelledAt: null,
              receivedValues: null,
            });
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test('are in the partition of their day, which was created in advance', async () => {
    const row = prediction();
    await test_.registry.predictions.insert([row]);
    expect(await findPartition(row.id)).toBe(partition(0));
    expect(await test_.registry.predictions.ensurePartitions({ days: 7 })).toEqual([]);
    expect(await test_.registry.predictions.ensurePartitions({ days: 9 })).toEqual([
      partition(8),
      partition(9),
    ]);
  });

  test('of a day without a partition are accepted, and moved to it once it exists', async () => {
    const { predictions } = test_.registry;
    const early = prediction({ receivedAt: `${day(8)}T00:00:00.000Z` });
    const late = prediction({ receivedAt: `${day(8)}T23:59:59.999Z` });
    const old = prediction({ receivedAt: '2001-01-01T00:00:00.000Z' });
    await predictions.insert([early, late, old]);
    expect(await findPartition(early.id)).toBe('predictions_default');
    await predictions.ensurePartitions({ days: 8 });
    expect(await Promise.all([early, late, old].map(({ id }) => findPartition(id)))).toEqual([
      partition(8),
      partition(8),
      'predictions_default',
    ]);
    const [count] = await test_.database.sql<{ count: number }[]>`select count(*) from predictions`;
    expect(count?.count).toBe(3);
  });

  test('are accepted while partitions are created, and concurrent creators make each partition once', async () => {
    const { predictions } = test_.registry;
    const rows = Array.from({ length: 40 }, () =>
      prediction({ receivedAt: `${day(9)}T12:00:00.000Z` }),
    );
    const [, ...made] = await Promise.all([
      Promise.all(rows.map((row) => predictions.insert([row]))),
      predictions.ensurePartitions({ days: 10 }),
      predictions.ensurePartitions({ days: 10 }),
      predictions.ensurePartitions({ days: 10 }),
    ]);
    expect(made.flat().sort()).toEqual([partition(8), partition(9), partition(10)]);
    const [count] = await test_.database.sql<
      { count: number }[]
    >`select count(*) from predictions where day = ${day(9)}`;
    expect(count?.count).toBe(40);
  });

  test('are dropped by whole days, from the default partition as well', async () => {
    const { predictions } = test_.registry;
    const old = prediction({ receivedAt: '2001-01-01T00:00:00.000Z' });
    const yesterday = prediction({ receivedAt: `${day(-1)}T12:00:00.000Z` });
    const today = prediction();
    await predictions.insert([old, yesterday, today]);
    expect(await predictions.dropBefore(day(0))).toEqual([partition(-1)]);
    const left = await test_.database.sql<{ id: string }[]>`select id from predictions`;
    expect(left.map(({ id }) => id)).toEqual([today.id]);
    await expect(predictions.dropBefore('yesterday')).rejects.toMatchObject({
      type: 'InvalidInput',
    });
  });

  test('feedback that arrives before its prediction waits and joins it', async () => {
    const row = prediction();
    expect(await label(row.id, 1)).toEqual({ joined: false, contradicts: false });
    await test_.registry.predictions.insert([row]);
    expect(await test_.registry.predictions.get({ tenant, id: row.id })).toMatchObject({
      label: 1,
    });
    expect(await label(row.id, 1)).toEqual({ joined: true, contradicts: false });
    const [joined] = await test_.database.sql<
      { model: string; version: number }[]
    >`select model, version from feedback where prediction_id = ${row.id}`;
    expect(joined).toEqual({ model: 'flight-delay', version: 3 });
  });

  /** The state after two statements that did not see each other's row. */
  async function storeUnjoined(row: PredictionRow): Promise<void> {
    await label(row.id, 'late');
    await test_.registry.predictions.insert([row]);
    await test_.database
      .sql`update feedback set day = null, model = null, version = null where prediction_id = ${row.id}`;
  }
  /** Moves the receipt of the labels and the passes back by this time. */
  async function letPass(seconds: number): Promise<void> {
    const { sql } = test_.database;
    await sql`update feedback set received_at = received_at - make_interval(secs => ${seconds})`;
    await sql`update label_join_cursors set looked_until = looked_until - make_interval(secs => ${seconds})`;
  }
  const isJoined = async (id: PredictionId) =>
    (
      await test_.database.sql<
        { joined: boolean }[]
      >`select day is not null as joined from feedback where prediction_id = ${id}`
    )[0]?.joined;
  const afterAllLooks = joinAges.at(-1) ?? 0;

  test('feedback and prediction that were written at the same moment are joined later', async () => {
    const row = prediction();
    await storeUnjoined(row);
    expect(await test_.registry.feedback.joinWaiting({ limit: 10 })).toEqual({
      joined: 1,
      givenUp: 0,
    });
    expect(await test_.registry.feedback.joinWaiting({ limit: 10 })).toEqual({
      joined: 0,
      givenUp: 0,
    });
  });

  test('labels of missing predictions do not block newer or older ones', async () => {
    const { feedback } = test_.registry;
    const older = prediction();
    await label(older.id, 'late');
    await feedback.joinWaiting({ limit: 1 });
    await test_.registry.predictions.insert([older]);
    await test_.database.sql`update feedback set day = null, model = null, version = null`;
    await letPass(20);
    for (let count = 0; count < 3; count += 1) await label(newId('pred') as PredictionId, 1);
    const newer = prediction();
    await storeUnjoined(newer);
    for (let pass = 0; pass < 4; pass += 1) await feedback.joinWaiting({ limit: 1 });
    expect([await isJoined(older.id), await isJoined(newer.id)]).toEqual([true, true]);
  });

  test('a label without a prediction is tried a few times, then counted as lost, and still joined later', async () => {
    const { feedback, predictions } = test_.registry;
    const row = prediction();
    await label(row.id, 'late');
    expect(await feedback.joinWaiting({ limit: 10 })).toEqual({ joined: 0, givenUp: 0 });
    await letPass(afterAllLooks + 1);
    expect(await feedback.joinWaiting({ limit: 10 })).toEqual({ joined: 0, givenUp: 1 });
    expect(await feedback.joinWaiting({ limit: 10 })).toEqual({ joined: 0, givenUp: 0 });
    expect(await feedback.givenUp()).toBe(1);
    await predictions.insert([row]);
    expect(await isJoined(row.id)).toBe(true);
  });

  test('labels of the same time are processed together, so a full page skips none', async () => {
    const rows = [prediction(), prediction(), prediction()];
    for (const row of rows) await storeUnjoined(row);
    await test_.database.sql`update feedback set received_at = now() - interval '1 second'`;
    expect(await test_.registry.feedback.joinWaiting({ limit: 2 })).toEqual({
      joined: 3,
      givenUp: 0,
    });
  });

  test('a pass that was rolled back is repeated by the next', async () => {
    const row = prediction();
    await storeUnjoined(row);
    const { sql } = test_.owner;
    await sql`create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$`;
    await sql`create trigger refuse before update of looked_until on label_join_cursors for each row execute function refuse()`;
    await expect(test_.registry.feedback.joinWaiting({ limit: 10 })).rejects.toThrow('no');
    await sql`drop trigger refuse on label_join_cursors`;
    expect(await isJoined(row.id)).toBe(false);
    expect(await test_.registry.feedback.joinWaiting({ limit: 10 })).toEqual({
      joined: 1,
      givenUp: 0,
    });
  });

  test('a label is replaced only by a later one', async () => {
    const row = prediction();
    await test_.registry.predictions.insert([row]);
    await label(row.id, 'second', '2013-07-02T00:00:00Z');
    await label(row.id, 'first', '2013-07-01T00:00:00Z');
    expect(await test_.registry.predictions.get({ tenant, id: row.id })).toMatchObject({
      label: 'second',
      labelledAt: '2013-07-02T00:00:00.000Z',
    });
    await label(row.id, false, '2013-07-03T00:00:00Z');
    expect(await test_.registry.predictions.get({ tenant, id: row.id })).toMatchObject({
      label: false,
    });
    await expect(label(row.id, null)).rejects.toMatchObject({ type: 'InvalidInput' });
    await expect(label(row.id, 1, 'at noon')).rejects.toMatchObject({ type: 'InvalidInput' });
  });

  test('feedback is kept longer than its prediction', async () => {
    const { predictions } = test_.registry;
    const row = prediction({ receivedAt: `${day(-1)}T12:00:00.000Z` });
    await predictions.insert([row]);
    await label(row.id, 1);
    await predictions.dropBefore(day(0));
    expect(await predictions.get({ tenant, id: row.id })).toBeNull();
    expect(await test_.database.sql`select label, model from feedback`).toEqual([
      { label: 1, model: 'flight-delay' },
    ]);
  });

  test('a thousand rows are one statement', async () => {
    const rows = Array.from({ length: 1000 }, () => prediction());
    expect(await test_.registry.predictions.insert(rows)).toBe(1000);
  });
});

/** PostgreSQL cannot store NUL, and UTF-8 cannot encode a lone surrogate. */
function storable(text: string): string {
  return Buffer.from(text.replaceAll('\0', '\uFFFD')).toString('utf8');
}
