import fc from 'fast-check';
import { openBudgetBlock, type BudgetBlock } from '../../../data/language/budget-block';
import type { Budget } from '../../../domain/budget/budget';
import { defaultTenant as tenant } from '../../../domain/ids';
import { fakeBudgets, type FakeBudgets } from '../../support/fake-budgets';

const buildBudget = (limit: number): Budget => ({
  tenant,
  scope: 'tenant',
  unit: 'tokens',
  limit,
  reserved: 0,
  spent: 0,
  assumed: 0,
});
const purseOver = (ledger: FakeBudgets, holder = 'a', leaseMs = 30_000): BudgetBlock =>
  openBudgetBlock({
    ledger,
    budget: ledger.budgets[0] as Budget,
    holder,
    leaseMs,
    registryTimeoutMs: 2_000,
  });
const soon = () => new Promise((later) => setTimeout(later, 5));

/** Holds messages back until the test delivers them. */
function heldUp(ledger: FakeBudgets): {
  readonly waiting: () => number;
  letThrough(): Promise<void>;
} {
  const waiting: (() => void)[] = [];
  ledger.travel = () => new Promise((arrived) => waiting.push(arrived));
  return {
    waiting: () => waiting.length,
    async letThrough() {
      waiting.shift()?.();
      await soon();
    },
  };
}

describe('a budget block', () => {
  test('does not spend what it is returning', async () => {
    const ledger = fakeBudgets(buildBudget(1000));
    const purse = purseOver(ledger);
    await purse.hold(30);
    purse.settle(30, 30);
    await purse.account();
    const road = heldUp(ledger);
    const givesBack = purse.account();
    await road.letThrough();
    let has = false;
    const holding = purse.hold(30).then(() => (has = true));
    await soon();
    expect(ledger.budgets[0]).toMatchObject({ reserved: 0, spent: 30 });
    expect(has).toBe(false);
    while (!has) await road.letThrough();
    await Promise.all([givesBack, holding]);
    expect(ledger.budgets[0]?.reserved).toBeGreaterThanOrEqual(30);
  });

  test('does not report spending twice when its row was deleted', async () => {
    const ledger = fakeBudgets(buildBudget(1000));
    const purse = purseOver(ledger);
    await purse.hold(30);
    purse.settle(30, 20);
    await purse.account();
    await purse.account();
    expect(ledger.budgets[0]).toMatchObject({ reserved: 0, spent: 20 });
    ledger.forgetSettled();
    await purse.hold(30);
    purse.settle(30, 5);
    await purse.close();
    expect(ledger.budgets[0]).toMatchObject({ reserved: 0, spent: 25 });
  });

  test('spends from its block while a report is in progress or lost', async () => {
    const ledger = fakeBudgets(buildBudget(1000));
    const purse = purseOver(ledger);
    await purse.hold(30);
    purse.settle(30, 10);
    ledger.travel = () => new Promise((_, lost) => setTimeout(() => lost(new Error('lost')), 5));
    const account = purse.account();
    await purse.hold(30);
    await expect(account).rejects.toThrow('lost');
    await purse.hold(30);
    expect(ledger.accounts).toHaveLength(1);
  });

  test('sends one report at a time for concurrent callers', async () => {
    const ledger = fakeBudgets(buildBudget(1_000_000));
    const purse = purseOver(ledger);
    const one = ledger.account.bind(ledger);
    let [underWay, most] = [0, 0];
    ledger.account = async (told) => {
      most = Math.max(most, (underWay += 1));
      await soon();
      return one(told).finally(() => (underWay -= 1));
    };
    const asker = async () => {
      await purse.hold(30_000);
      await soon();
      purse.settle(30_000, 300);
    };
    for (let round = 0; round < 5; round += 1) {
      await Promise.all([
        ...Array.from({ length: 20 }, asker),
        purse.account(),
        purse.account(),
        purse.account(),
        soon().then(() => purse.account()),
      ]);
    }
    await Promise.all([purse.close(), purse.account()]);
    expect(most).toBe(1);
  });

  test('spends nothing after its lease has expired', async () => {
    const ledger = fakeBudgets(buildBudget(1000));
    const purse = purseOver(ledger, 'a', 40);
    await purse.hold(10);
    purse.settle(10, 10);
    await new Promise((later) => setTimeout(later, 60));
    ledger.away = true;
    await expect(purse.hold(10)).rejects.toMatchObject({ type: 'DatabaseUnavailable' });
    ledger.away = false;
    await purse.hold(10);
    expect(ledger.accounts.at(-1)).toMatchObject({ spent: 10, kept: 0 });
  });

  test('reports reservations, so that they count if this process dies', async () => {
    const ledger = fakeBudgets(buildBudget(1000));
    const purse = purseOver(ledger);
    await purse.hold(30);
    await purse.account();
    expect(ledger.accounts.at(-1)).toMatchObject({ spent: 0, held: 30 });
    await purse.account();
    expect(ledger.accounts).toHaveLength(2);
    purse.settle(30, 5);
    await purse.hold(20);
    await purse.account();
    expect(ledger.accounts.at(-1)).toMatchObject({ spent: 5, held: 20 });
  });

  test('returns a block that a lost response may have granted', async () => {
    const ledger = fakeBudgets(buildBudget(1000));
    const purse = purseOver(ledger);
    let ways = 0;
    ledger.travel = () =>
      (ways += 1) === 2 ? Promise.reject(new Error('lost')) : Promise.resolve();
    await expect(purse.hold(10)).rejects.toThrow('lost');
    expect(ledger.budgets[0]?.reserved).toBeGreaterThan(0);
    await purse.account();
    expect(ledger.budgets[0]).toMatchObject({ reserved: 0, spent: 0 });
  });

  test('keeps no block of a budget whose limit was lowered below it', async () => {
    const ledger = fakeBudgets(buildBudget(1000));
    const purse = purseOver(ledger);
    await purse.hold(10);
    ledger.budgets[0] = { ...(ledger.budgets[0] as Budget), limit: 20 };
    purse.settle(10, 10);
    await purse.account();
    await purse.hold(1);
    await purse.account();
    expect(ledger.budgets[0]).toMatchObject({ spent: 10, reserved: 1 });
  });
});

const act = fc.record({
  kind: fc.constantFrom(
    'hold',
    'hold',
    'settle',
    'account',
    'deliver',
    'deliver',
    'deliver',
    'lose',
  ),
  who: fc.nat({ max: 2 }),
  amount: fc.integer({ min: 1, max: 60 }),
});

test('several blocks never overspend a budget, in whatever order reports arrive or get lost', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 50, max: 2000 }),
      fc.array(act, { minLength: 20, maxLength: 120 }),
      async (limit, acts) => {
        const ledger = fakeBudgets(buildBudget(limit));
        const road: { arrive(): void; lose(error: Error): void }[] = [];
        ledger.travel = () => new Promise((arrive, lose) => road.push({ arrive, lose }));
        const purses = ['a', 'b', 'c'].map((holder) => ({
          purse: purseOver(ledger, holder),
          held: [] as number[],
        }));
        let spent = 0;
        const check = () => {
          const held = purses.reduce((sum, each) => each.held.reduce((a, b) => a + b, sum), 0);
          expect(spent + held).toBeLessThanOrEqual(limit);
        };
        for (const { kind, who, amount } of acts) {
          const { purse, held } = purses[who] as (typeof purses)[number];
          const one = kind === 'settle' ? held.shift() : undefined;
          if (kind === 'hold')
            void purse.hold(amount).then(
              () => held.push(amount),
              () => undefined,
            );
          else if (one !== undefined) {
            const cost = Math.min(one, amount);
            spent += cost;
            purse.settle(one, cost);
          } else if (kind === 'account') void purse.account().catch(() => undefined);
          else if (kind === 'deliver')
            road.splice(amount % Math.max(1, road.length), 1)[0]?.arrive();
          else if (kind === 'lose') road.shift()?.lose(new Error('lost'));
          await new Promise(setImmediate);
          check();
        }
        ledger.travel = () => Promise.resolve();
        for (const each of road) each.arrive();
        await new Promise(setImmediate);
        check();
        for (const { purse, held } of purses)
          for (const one of held.splice(0)) purse.settle(one, 0);
        await Promise.all(purses.map(({ purse }) => purse.close()));
        expect(ledger.budgets[0]).toMatchObject({ spent, reserved: 0 });
      },
    ),
    { numRuns: 300 },
  );
});
