import { enqueueOutbox } from '../../../db/notification/outbox-entry';
import { empty, openTestRegistry, tenant, type TestRegistry } from '../registry-fixture';

describe('the outbox', () => {
  let test_: TestRegistry;
  beforeAll(async () => {
    test_ = await openTestRegistry({ maxConnections: 20 });
  });
  afterAll(() => test_.close());
  beforeEach(async () => {
    await empty(test_, ['outbox']);
  });

  const add = async (count: number) => {
    for (let n = 0; n < count; n++)
      await enqueueOutbox(test_.database.sql, { tenant, topic: 'run.start', payload: { n } });
  };
  const claim = (limit: number, leaseSeconds = 60) =>
    test_.registry.outbox.claim({ limit, leaseSeconds });
  const due = () => test_.database.sql`update outbox set due_at = now() - interval '1 second'`;

  test('gives each entry to one worker, oldest first', async () => {
    await add(30);
    const claims = await Promise.all(Array.from({ length: 6 }, () => claim(5)));
    const ids = claims.flat().map(({ id }) => id);
    expect(new Set(ids).size).toBe(30);
    for (const entries of claims)
      expect(entries.map(({ id }) => id)).toEqual(entries.map(({ id }) => id).sort());
    expect(await claim(5)).toEqual([]);
  });

  test('gives an entry again when its worker died, and never again after its delivery', async () => {
    await add(1);
    const [first] = await claim(1, 0);
    const [again] = await claim(1);
    expect(first).toMatchObject({ topic: 'run.start', payload: { n: 0 }, attempts: 1 });
    expect(again).toMatchObject({ id: first?.id, attempts: 2 });
    await test_.registry.outbox.done({ id: first?.id ?? '' });
    await due();
    expect(await claim(1)).toEqual([]);
    await test_.registry.outbox.done({ id: first?.id ?? '' });
  });

  test('gives a failed entry again after increasing delays', async () => {
    await add(1);
    const delays: number[] = [];
    for (let attempt = 0; attempt < 4; attempt++) {
      await due();
      const [entry] = await claim(1);
      await test_.registry.outbox.retry({ id: entry?.id ?? '', error: 'no' });
      const [row] = await test_.database.sql<
        { seconds: number }[]
      >`select round(extract(epoch from due_at - now()))::int as seconds from outbox`;
      delays.push(row?.seconds ?? 0);
      expect(await claim(1)).toEqual([]);
    }
    expect(delays).toEqual([1, 2, 4, 8]);
    await expect(test_.registry.outbox.retry({ id: 'out_none', error: 'x' })).rejects.toMatchObject(
      { type: 'NotFound' },
    );
  });

  test('gives only the requested topics', async () => {
    await add(1);
    expect(
      await test_.registry.outbox.claim({ limit: 5, leaseSeconds: 1, topics: ['alias.moved'] }),
    ).toEqual([]);
    expect(
      await test_.registry.outbox.claim({ limit: 5, leaseSeconds: 1, topics: ['run.start'] }),
    ).toHaveLength(1);
  });
});
