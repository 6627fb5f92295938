import type { BudgetAmount } from '../../../domain/budget/budget';
import { openTestRegistry, tenant, unique, type TestRegistry } from '../registry-fixture';

const leaseMs = 60_000;

describe('budgets', () => {
  let test_: TestRegistry;
  let scope: string;
  beforeAll(async () => {
    test_ = await openTestRegistry({ maxConnections: 20 });
  });
  afterAll(() => test_.close());
  beforeEach(() => {
    scope = unique('run/');
  });
  const budgets = () => test_.registry.budgets;
  const set = (limit: number, unit: BudgetAmount['unit'] = 'tokens') =>
    budgets().set({ tenant, scope, unit, limit });
  const reserve = (holder: string, amount: number, lease = leaseMs) =>
    budgets().reserve({
      tenant,
      holder,
      amounts: [{ scope, unit: 'tokens', amount }],
      leaseMs: lease,
    });
  const settle = (holder: string, amount: number) =>
    budgets().settle({ tenant, holder, spent: [{ scope, unit: 'tokens', amount }] });
  const now = async () => {
    const budget = await budgets().get({ tenant, scope, unit: 'tokens' });
    return budget && { reserved: budget.reserved, spent: budget.spent, assumed: budget.assumed };
  };

  test('a reservation is held until it is settled with the actual cost', async () => {
    await set(100);
    expect(await reserve(unique('a'), 60)).toEqual({ kind: 'reserved' });
    const holder = unique('a');
    expect(await reserve(holder, 40)).toEqual({ kind: 'reserved' });
    await settle(holder, 7);
    expect(await now()).toEqual({ reserved: 60, spent: 7, assumed: 0 });
  });

  test('settling twice changes nothing', async () => {
    await set(100);
    const holder = unique('a');
    await reserve(holder, 40);
    await settle(holder, 7);
    await settle(holder, 30);
    expect(await now()).toEqual({ reserved: 0, spent: 7, assumed: 0 });
  });

  test('an amount that others hold may fit later; a spent amount stays spent', async () => {
    await set(100);
    const holder = unique('a');
    await reserve(holder, 60);
    expect(await reserve(unique('b'), 50)).toMatchObject({
      kind: 'held',
      asked: 50,
      budget: { reserved: 60 },
    });
    await settle(holder, 60);
    expect(await reserve(unique('b'), 50)).toMatchObject({
      kind: 'spent',
      asked: 50,
      budget: { spent: 60, limit: 100 },
    });
    expect(await reserve(unique('b'), 40)).toEqual({ kind: 'reserved' });
  });

  test('reservations from two budgets succeed together or not at all', async () => {
    await set(100);
    await set(10, 'usd');
    const amounts = [
      { scope, unit: 'tokens', amount: 50 },
      { scope, unit: 'usd', amount: 11 },
    ] as const;
    expect(
      await budgets().reserve({ tenant, holder: unique('a'), amounts, leaseMs }),
    ).toMatchObject({
      kind: 'spent',
      budget: { unit: 'usd' },
    });
    expect(await now()).toEqual({ reserved: 0, spent: 0, assumed: 0 });
  });

  test('work with an unknown end counts as spent until its cost is known', async () => {
    await set(100);
    const holder = unique('a');
    await reserve(holder, 60);
    await budgets().assume({ tenant, holder });
    await budgets().assume({ tenant, holder });
    expect(await now()).toEqual({ reserved: 0, spent: 60, assumed: 60 });
    await settle(holder, 9);
    expect(await now()).toEqual({ reserved: 0, spent: 9, assumed: 0 });
  });

  test('a dead holder blocks no one: after its lease its amount counts as spent', async () => {
    await set(100);
    await reserve(unique('dead'), 60, -1);
    expect(await reserve(unique('b'), 50)).toMatchObject({
      kind: 'spent',
      budget: { spent: 60, assumed: 60, reserved: 0 },
    });
    expect(await reserve(unique('b'), 40)).toEqual({ kind: 'reserved' });
  });

  test('is never overspent by concurrent requests, whatever they cost', async () => {
    await set(1000);
    const spent: number[] = [];
    const work = async (n: number): Promise<void> => {
      const holder = unique('worker');
      const amount = 10 + (n % 40);
      if ((await reserve(holder, amount)).kind !== 'reserved') return;
      const budget = await budgets().get({ tenant, scope, unit: 'tokens' });
      expect((budget?.spent ?? 0) + (budget?.reserved ?? 0)).toBeLessThanOrEqual(1000);
      spent.push(Math.floor(amount / ((n % 3) + 1)));
      await settle(holder, Math.floor(amount / ((n % 3) + 1)));
    };
    await Promise.all(Array.from({ length: 120 }, (_, n) => work(n)));
    const sum = spent.reduce((total, each) => total + each, 0);
    expect(await now()).toEqual({ reserved: 0, spent: sum, assumed: 0 });
    expect(spent.length).toBeLessThan(120);
    expect(sum).toBeGreaterThan(500);
    expect(sum).toBeLessThanOrEqual(1000);
  });

  test('holders of several budgets never deadlock', async () => {
    await set(1_000_000);
    await set(1_000_000, 'usd');
    const both: BudgetAmount[] = [
      { scope, unit: 'tokens', amount: 1 },
      { scope, unit: 'usd', amount: 1 },
    ];
    await Promise.all(
      Array.from({ length: 60 }, async (_, n) => {
        const holder = unique('worker');
        const amounts = n % 2 === 0 ? both : both.toReversed();
        await budgets().reserve({ tenant, holder, amounts, leaseMs });
        await budgets().settle({ tenant, holder, spent: amounts });
      }),
    );
    expect(await now()).toEqual({ reserved: 0, spent: 60, assumed: 0 });
  });

  test('an unknown budget is an error with its name', async () => {
    await expect(reserve(unique('a'), 1)).rejects.toMatchObject({
      type: 'NotFound',
      message: expect.stringContaining(scope) as string,
    });
  });
});
