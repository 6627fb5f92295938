import type { IdempotencyKey } from '../../../domain/ids';
import { openTestRegistry, tenant, unique, type TestRegistry } from '../registry-fixture';

describe('effects', () => {
  let test_: TestRegistry;
  let key: IdempotencyKey;
  beforeAll(async () => {
    test_ = await openTestRegistry({ maxConnections: 20 });
  });
  afterAll(() => test_.close());
  beforeEach(() => {
    key = unique('effect') as IdempotencyKey;
  });
  const claim = (attempt: number, execution?: string) =>
    test_.registry.effects.claim({
      tenant,
      key,
      attempt,
      ...(execution !== undefined && { execution }),
    });
  const complete = (token: number, result: unknown) =>
    test_.registry.effects.complete({ tenant, key, token, result });

  test('a claimed effect is completed once, and then its result is returned', async () => {
    expect(await claim(1)).toEqual({ kind: 'claimed', token: 1 });
    await complete(1, { rows: 7 });
    expect(await claim(2)).toEqual({ kind: 'done', result: { rows: 7 } });
  });

  test.each([[null], [false], ['text'], [[1, 2]], [0]])(
    'the result %j is returned unchanged',
    async (result) => {
      await claim(1);
      await complete(1, result);
      expect(await claim(2)).toEqual({ kind: 'done', result });
    },
  );

  test('a zombie attempt cannot write after a newer claim', async () => {
    const zombie = await claim(1);
    const owner = await claim(2);
    if (zombie.kind !== 'claimed' || owner.kind !== 'claimed') throw new Error('both were claimed');
    await expect(complete(zombie.token, 'zombie')).rejects.toMatchObject({ type: 'FencedOff' });
    await expect(
      test_.registry.effects.assertOwned({ tenant, key, token: zombie.token }),
    ).rejects.toMatchObject({ type: 'FencedOff' });
    await test_.registry.effects.assertOwned({ tenant, key, token: owner.token });
    await complete(owner.token, 'owner');
    await expect(complete(zombie.token, 'zombie')).rejects.toMatchObject({ type: 'FencedOff' });
    expect(await claim(3)).toEqual({ kind: 'done', result: 'owner' });
  });

  test('completing again with the winning token succeeds, because its response may have been lost', async () => {
    await claim(1);
    await complete(1, 'first');
    await complete(1, 'again');
    expect(await claim(2)).toEqual({ kind: 'done', result: 'first' });
  });

  test('a late attempt of the same execution is fenced off; a new execution takes over', async () => {
    await claim(2, 'run/7');
    await expect(claim(1, 'run/7')).rejects.toMatchObject({ type: 'FencedOff' });
    expect(await claim(2, 'run/7')).toEqual({ kind: 'claimed', token: 2 });
    expect(await claim(1, 'run/9')).toEqual({ kind: 'claimed', token: 3 });
  });

  test('of many concurrent claims, exactly one can complete', async () => {
    const claims = await Promise.all(Array.from({ length: 20 }, (_, attempt) => claim(attempt)));
    const outcomes = await Promise.allSettled(
      claims.map((each, n) => complete(each.kind === 'claimed' ? each.token : 0, n)),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('an effect without a claim cannot be completed', async () => {
    await expect(complete(1, 'x')).rejects.toMatchObject({ type: 'FencedOff' });
  });
});
