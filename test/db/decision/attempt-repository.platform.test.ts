import { computeDigest as bodyDigest } from '../../../db/document';
import type { RunId } from '../../../domain/ids';
import {
  toDigest,
  openTestRegistry,
  startRun,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';

describe('attempts on a holdout', () => {
  let test_: TestRegistry;
  let runId: RunId;
  beforeAll(async () => {
    test_ = await openTestRegistry({ maxConnections: 8 });
    runId = await startRun(test_.registry);
  });
  afterAll(() => test_.close());

  const claim = (candidate: string, { model = 'flights', holdout = 'june' } = {}) =>
    test_.registry.attempts.claim({
      tenant,
      runId,
      model,
      holdout: toDigest(holdout),
      candidate: toDigest(candidate),
    });

  test('are numbered by candidate, and the same candidate keeps its number', async () => {
    const model = unique('model');
    const numbers = [];
    for (const candidate of ['a', 'b', 'a', 'c', 'b'])
      numbers.push((await claim(candidate, { model })).number);
    expect(numbers).toEqual([1, 2, 1, 3, 2]);
  });

  test('start from 1 for other rows and another model', async () => {
    const model = unique('model');
    await claim('a', { model });
    expect((await claim('b', { model, holdout: 'july' })).number).toBe(1);
    expect((await claim('b', { model: unique('model') })).number).toBe(1);
  });

  test('of many concurrent runs get different numbers', async () => {
    const model = unique('model');
    const claimed = await Promise.all(
      Array.from({ length: 12 }, (_, index) => claim(`candidate ${index % 6}`, { model })),
    );
    expect([...new Set(claimed.map(({ number }) => number))].sort()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('must be claimed before they are decided', async () => {
    const body = { some: 'body' };
    const digest = bodyDigest(body);
    for (const kind of ['evidence', 'policy'] as const)
      await test_.registry.evidence.put({ tenant, kind, digest, body });
    const record = (number: number) =>
      test_.registry.decisions.record({
        tenant,
        runId,
        stage: 'evaluate',
        policy: digest,
        evidence: digest,
        verdict: { kind: 'passed', reasons: [] },
        attempt: { model: 'decided', holdout: toDigest('june'), number },
        idempotencyKey: unique('key'),
      });
    await expect(record(1)).rejects.toMatchObject({
      type: 'NotFound',
      message: expect.stringContaining('attempt 1 of decided') as string,
    });
    expect(await test_.registry.decisions.list({ tenant, runId })).toEqual([]);
    await claim('a', { model: 'decided' });
    const { id } = await record(1);
    expect(
      await test_.database.sql`select decision from holdout_attempts where model = 'decided'`,
    ).toEqual([{ decision: id }]);
  });
});
