import { openServingBudgets, type ServingBudgets } from '../../../data/language/serving-budgets';
import type { BlockReport, BlockLedger } from '../../../domain/provider/budget-block';
import { openTestRegistry, tenant, unique, type TestRegistry } from '../registry-fixture';
import { until } from '../../support/time/until';

const leaseMs = 60_000;

let registry: TestRegistry;
let scope: string;
let provider: string;
beforeAll(async () => {
  registry = await openTestRegistry({ maxConnections: 20 });
});
afterAll(() => registry.close());
beforeEach(() => {
  provider = unique('acme');
  scope = `provider/${provider}`;
});
const budgets = () => registry.registry.budgets;
const set = (limit: number) => budgets().set({ tenant, scope, unit: 'tokens', limit });
const account = (holder: string, told: Partial<BlockReport>) =>
  budgets().account({
    tenant,
    scope,
    unit: 'tokens',
    holder,
    spent: 0,
    told: 0,
    held: 0,
    kept: 0,
    need: 0,
    wanted: 0,
    leaseMs,
    ...told,
  });
const now = async () => {
  const budget = await budgets().get({ tenant, scope, unit: 'tokens' });
  return budget && { reserved: budget.reserved, spent: budget.spent, assumed: budget.assumed };
};
const gone = { leaseMs: -1 };

describe('a gateway’s block', () => {
  test('is reserved in advance, and its spending is reported with the next one', async () => {
    await set(1000);
    expect(await account('a', { need: 10, wanted: 100 })).toMatchObject({
      granted: 100,
      refused: null,
    });
    expect(await now()).toEqual({ reserved: 100, spent: 0, assumed: 0 });
    expect(await account('a', { spent: 40, held: 20, need: 50, wanted: 100 })).toMatchObject({
      granted: 120,
      refused: null,
    });
    expect(await now()).toEqual({ reserved: 120, spent: 40, assumed: 0 });
    expect(await account('a', { spent: 60 })).toMatchObject({ granted: 0 });
    expect(await now()).toEqual({ reserved: 0, spent: 60, assumed: 0 });
  });

  test('reported twice, because the first response was lost, counts once', async () => {
    await set(1000);
    await account('a', { need: 10, wanted: 100 });
    for (let times = 0; times < 2; times += 1) await account('a', { spent: 40, wanted: 60 });
    expect(await now()).toEqual({ reserved: 60, spent: 40, assumed: 0 });
  });

  test('returned unused and taken again later continues from the same total', async () => {
    await set(1000);
    await account('a', { need: 10, wanted: 100 });
    await account('a', { spent: 30 });
    await account('a', { spent: 30, need: 10, wanted: 100 });
    await account('a', { spent: 35 });
    expect(await now()).toEqual({ reserved: 0, spent: 35, assumed: 0 });
  });

  test('that was settled long ago is deleted, and a live gateway continues from the same total', async () => {
    await set(1000);
    for (const holder of ['idle', 'over']) {
      await account(holder, { need: 10, wanted: 100 });
      await account(holder, { spent: 30 });
    }
    await account('open', { need: 10, wanted: 100 });
    await account('new', { need: 10, wanted: 10 });
    await account('new', { spent: 7 });
    const before = await now();
    const holders = async () =>
      (
        await registry.database.sql<
          { holder: string }[]
        >`select holder from budget_reservations where scope = ${scope} order by holder`
      ).map(({ holder }) => holder);
    const settledLongAgo = () => registry.database.sql`
      update budget_reservations set expires_at = now() - interval '181 days' where scope = ${scope} and state = 'settled' and holder <> 'new'`;
    await settledLongAgo();
    expect((await registry.registry.retention.apply()).runDetailDays).toBeGreaterThanOrEqual(2);
    expect(await holders()).toEqual(['new', 'open']);
    expect(await now()).toEqual(before);

    // Repeats the last report, like the budget block of a gateway.
    await account('idle', { spent: 30, told: 30, need: 10, wanted: 10 });
    await account('idle', { spent: 34, told: 30 });
    await account('idle', { spent: 34, told: 30 });
    expect(await now()).toMatchObject({ spent: 30 + 30 + 7 + 4 });
    await settledLongAgo();
    await registry.registry.retention.apply();
    await account('idle', { spent: 36, told: 34 });
    expect(await now()).toMatchObject({ spent: 30 + 30 + 7 + 6 });
  });

  test('of a dead gateway does not reduce a budget forever, even if no other request needs it', async () => {
    const { retention } = registry.registry;
    await set(1_000);
    await account('alive', { need: 10, wanted: 50 });
    await account('dead', { need: 10, wanted: 100 });
    await account('dead', { spent: 10, held: 8, wanted: 50, ...gone });
    const run = unique('run');
    await budgets().reserve({
      tenant,
      holder: run,
      amounts: [{ scope, unit: 'tokens', amount: 200 }],
      ...gone,
    });
    await retention.apply();
    expect(await now()).toEqual({ reserved: 50, spent: 10 + 8 + 200, assumed: 8 + 200 });
    // A later report with the real cost corrects it.
    await budgets().settle({
      tenant,
      holder: run,
      spent: [{ scope, unit: 'tokens', amount: 120 }],
    });
    const right = { reserved: 50, spent: 10 + 8 + 120, assumed: 8 };
    expect(await now()).toEqual(right);

    await registry.database.sql`
      update budget_reservations set expires_at = now() - interval '181 days' where scope = ${scope} and holder <> 'alive'`;
    await retention.apply();
    expect(
      await registry.database.sql`select holder from budget_reservations where scope = ${scope}`,
    ).toEqual([{ holder: 'alive' }]);
    expect(await now()).toEqual(right);
  });

  test('of a dead gateway is released when its lease expires; requests in progress count as spent', async () => {
    await set(100);
    await account('dead', { need: 10, wanted: 24 });
    await account('dead', { spent: 10, held: 8, wanted: 14, ...gone });
    expect(await now()).toEqual({ reserved: 22, spent: 10, assumed: 0 });
    // 100 − 10 spent − 8 assumed: the rest is free for others.
    expect(await account('a', { need: 82, wanted: 82 })).toMatchObject({
      granted: 82,
      refused: null,
    });
    expect(await now()).toEqual({ reserved: 82, spent: 18, assumed: 8 });
  });

  test('of a gateway that was wrongly considered dead is corrected by its reports', async () => {
    await set(100);
    await account('late', { need: 10, wanted: 24 });
    await account('late', { spent: 10, held: 8, wanted: 14, ...gone });
    await account('a', { need: 82, wanted: 82 });
    await account('a', {});
    await account('late', { spent: 13 });
    expect(await now()).toEqual({ reserved: 0, spent: 13, assumed: 0 });
  });

  test('keeps its unspent part on a report, and nothing once others have ended its lease', async () => {
    await set(100);
    await account('a', { need: 20, wanted: 20 });
    await budgets().reserve({
      tenant,
      holder: unique('run'),
      amounts: [{ scope, unit: 'tokens', amount: 80 }],
      leaseMs,
    });
    expect(await account('a', { spent: 2, held: 3, kept: 15, ...gone })).toMatchObject({
      granted: 18,
    });
    expect(await account('b', { need: 10, wanted: 10 })).toMatchObject({ granted: 10 });
    expect(await account('a', { spent: 2, held: 3, kept: 15 })).toMatchObject({ granted: 3 });
    expect(await now()).toEqual({ reserved: 93, spent: 2, assumed: 0 });
  });

  test('and the reservation of a run share one budget without overlap', async () => {
    await set(100);
    await budgets().reserve({
      tenant,
      holder: unique('run'),
      amounts: [{ scope, unit: 'tokens', amount: 70 }],
      leaseMs,
    });
    expect(await account('a', { need: 40, wanted: 40 })).toMatchObject({
      granted: 0,
      refused: 'held',
    });
    expect(await account('a', { need: 30, wanted: 30 })).toMatchObject({ granted: 30 });
    const held = await budgets().reserve({
      tenant,
      holder: unique('run'),
      amounts: [{ scope, unit: 'tokens', amount: 10 }],
      leaseMs,
    });
    expect(held).toMatchObject({ kind: 'held' });
    expect(await account('a', { spent: 30, need: 80 })).toMatchObject({
      granted: 0,
      refused: 'spent',
    });
  });
});

describe('two gateways over one budget', () => {
  const openGateway = (): ServingBudgets => openWith(budgets(), leaseMs);
  const openWith = (ledger: BlockLedger, lease: number) =>
    openServingBudgets({
      ledger,
      holder: unique('gateway/gw'),
      accountMs: 50,
      leaseMs: lease,
      onError: () => undefined,
    });
  const worstCase = { usd: 0, tokens: 100 };

  test('spend it completely and never overspend it, concurrently and in any order', async () => {
    const limit = 20_000;
    await set(limit);
    const gateways = [openGateway(), openGateway()];
    let [spent, refused] = [0, 0];
    const caller = async (gateway: ServingBudgets) => {
      for (let asked = 0; asked < 60; asked += 1) {
        const allowance = await gateway
          .hold({ tenant, provider, worstCase })
          .catch((error: unknown) => {
            expect(error).toMatchObject({ type: 'BudgetSpent' });
            refused += 1;
            return null;
          });
        if (!allowance) continue;
        await new Promise((turn) => setTimeout(turn, Math.random() * 3));
        // Less than was reserved, as for most answers.
        const tokens = 20 + Math.floor(Math.random() * 80);
        spent += tokens;
        allowance.settle({ usd: 0, tokens });
      }
    };
    await Promise.all(
      gateways.flatMap((gateway) => Array.from({ length: 5 }, () => caller(gateway))),
    );
    await Promise.all(gateways.map((gateway) => gateway.close()));
    expect(spent).toBeLessThanOrEqual(limit);
    expect(refused).toBeGreaterThan(0);
    // Together they left at most the amount of one question, and a small rest of each block.
    expect(spent).toBeGreaterThan(limit * 0.9);
    expect(await now()).toEqual({ reserved: 0, spent, assumed: 0 });
  });

  test('one dies during an answer: the other gets the rest when the lease expires', async () => {
    await set(1_000);
    let died = false;
    const ifAlive = <T>(work: () => Promise<T>): Promise<T> =>
      died ? new Promise<T>(() => undefined) : work();
    const mortal: BlockLedger = {
      list: (asked) => ifAlive(() => budgets().list(asked)),
      account: (told) => ifAlive(() => budgets().account(told)),
    };
    const [dead, alive] = [openWith(mortal, 1_000), openGateway()];
    const over = await dead.hold({ tenant, provider, worstCase });
    over.settle({ usd: 0, tokens: 60 });
    await dead.hold({ tenant, provider, worstCase });
    await until(async () => (await now())?.spent === 60);
    died = true;
    await expect(
      alive.hold({ tenant, provider, worstCase: { usd: 0, tokens: 830 } }),
    ).rejects.toMatchObject({ type: 'BudgetSpent' });
    await new Promise((late) => setTimeout(late, 1_200));
    const rest = await alive.hold({ tenant, provider, worstCase: { usd: 0, tokens: 830 } });
    rest.settle({ usd: 0, tokens: 1 });
    await alive.close();
    expect(await now()).toEqual({ reserved: 0, spent: 161, assumed: 100 });
  });

  test('use a budget that is raised or set while they run', async () => {
    const gateway = openGateway();
    (await gateway.hold({ tenant, provider, worstCase })).settle(worstCase);
    expect(await now()).toBeNull();
    await set(50);
    await until(() =>
      gateway.hold({ tenant, provider, worstCase }).then(
        (held) => (held.settle(worstCase), false),
        () => true,
      ),
    );
    await set(500);
    await until(() =>
      gateway.hold({ tenant, provider, worstCase }).then(
        (held) => (held.settle(worstCase), true),
        () => false,
      ),
    );
    await gateway.close();
    expect(await now()).toMatchObject({ reserved: 0, spent: 100 });
  });
});
