import type { BudgetUnit } from '../../../domain/budget/budget';
import type { ComputeBudget } from '../../../domain/cost/compute-budget';
import { formatPeriod } from '../../../domain/cost/caps';
import type { JobDemand } from '../../../domain/cost/usage';
import type { RunId } from '../../../domain/ids';
import type { AttemptTime } from '../../../domain/training/job';
import {
  toDigest,
  openTestRegistry,
  refTo,
  spec,
  startRun,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';

const hour = 3_600_000;
const usd = 1_000_000_000;
const minutes = (count: number): number => count * 60;

/** Two CPUs for at most ten minutes, at 6 dollars per hour. */
const demand: JobDemand = {
  backend: 'slurm',
  resources: { cpus: 2, memoryBytes: 2 ** 30, timeoutSeconds: minutes(10) },
  usdPerHour: 6,
};

function ran(seconds: number, attempt = 'a'): AttemptTime {
  const start = Date.parse('2026-11-29T10:00:00Z');
  return {
    attempt,
    startedAt: new Date(start).toISOString(),
    endedAt: new Date(start + seconds * 1000).toISOString(),
  };
}

describe('costs of jobs', () => {
  let test_: TestRegistry;
  beforeAll(async () => {
    test_ = await openTestRegistry({ maxConnections: 10 });
  });
  afterAll(() => test_.close());
  afterEach(() => limitTenant({ maxCpuHours: null, maxUsd: null }));

  const costs = () => test_.registry.costs;
  const limitTenant = async (limits: { maxCpuHours?: number | null; maxUsd?: number | null }) => {
    await test_.registry.tenants.setLimits({ name: tenant, limits, actor: 'test' });
  };
  const runWith = async (budget?: Partial<ComputeBudget>, name = unique('capped')) => {
    const revision = {
      lifecycle: name,
      digest: toDigest(`${name} ${JSON.stringify(budget)}`),
      spec: {
        ...spec,
        name,
        ...(budget && { budget: { cpuHours: null, usd: null, model: null, ...budget } }),
      },
      files: { 'a.sql': refTo('a') },
      contracts: {},
    };
    await test_.registry.lifecycles.apply({ tenant, revision, actor: 'key:test' });
    return startRun(test_.registry, name);
  };
  const reserve = (runId: RunId, jobId: string, of: Partial<JobDemand> = {}, keepSeconds = 0) =>
    costs().reserve({ tenant, runId, jobId, demand: { ...demand, ...of }, keepSeconds });
  const settle = (jobId: string, ...times: AttemptTime[]) =>
    costs().settle({ tenant, jobId, times });
  const budget = async (scope: string, unit: BudgetUnit = 'cpuHours') => {
    const found = await test_.registry.budgets.get({ tenant, scope, unit });
    return found && { reserved: found.reserved, spent: found.spent };
  };
  const month = formatPeriod('month', new Date().toISOString());

  test('a job reserves its time limit and is settled with the time that it ran', async () => {
    const run = await runWith({ cpuHours: 1, usd: 10 });
    expect(await reserve(run, `${run}/train`)).toEqual({ kind: 'reserved', limit: null });
    expect(await budget(`run/${run}`)).toEqual({ reserved: hour / 3, spent: 0 });
    expect(await budget(`run/${run}`, 'usd')).toEqual({ reserved: usd, spent: 0 });
    await settle(`${run}/train`, ran(90));
    expect(await budget(`run/${run}`)).toEqual({ reserved: 0, spent: hour / 20 });
    expect(await budget(`run/${run}`, 'usd')).toEqual({ reserved: 0, spent: 0.15 * usd });
  });

  test('a replayed activity reserves and settles once', async () => {
    const run = await runWith({ cpuHours: 1 });
    await reserve(run, `${run}/a`);
    await reserve(run, `${run}/a`);
    expect(await budget(`run/${run}`)).toEqual({ reserved: hour / 3, spent: 0 });
    await settle(`${run}/a`, ran(60));
    await settle(`${run}/a`, ran(600));
    expect(await reserve(run, `${run}/a`)).toEqual({ kind: 'reserved', limit: null });
    expect(await budget(`run/${run}`)).toEqual({ reserved: 0, spent: hour / 30 });
  });

  test('two calls at once reserve once', async () => {
    const run = await runWith({ cpuHours: 1 });
    await Promise.all([1, 2, 3].map(() => reserve(run, `${run}/a`)));
    expect(await budget(`run/${run}`)).toEqual({ reserved: hour / 3, spent: 0 });
  });

  test('a settlement before any reservation changes nothing', async () => {
    const run = await runWith({ cpuHours: 1 });
    await settle(`${run}/never`, ran(60));
    expect(await budget(`run/${run}`)).toBeNull();
  });

  test('a lost attempt counts, and the next one has its whole time limit again', async () => {
    const run = await runWith({ cpuHours: 1 });
    await reserve(run, `${run}/a`);
    await costs().seen({ tenant, jobId: `${run}/a`, times: [ran(300, 'first')] });
    await reserve(run, `${run}/a`);
    expect(await budget(`run/${run}`)).toEqual({ reserved: hour / 2, spent: 0 });
    // The backend of another machine does not know the first attempt.
    await settle(`${run}/a`, ran(60, 'second'));
    expect(await budget(`run/${run}`)).toEqual({ reserved: 0, spent: 0.2 * hour });
  });

  test('an attempt with more memory has its own price', async () => {
    const run = await runWith({ usd: 10 });
    await reserve(run, `${run}/a`);
    await costs().seen({ tenant, jobId: `${run}/a`, times: [ran(300, 'first')] });
    const raised = {
      resources: { ...demand.resources, memoryBytes: 2 ** 31 },
      usdPerHour: 12,
    };
    await reserve(run, `${run}/a`, raised);
    // Five minutes at 6 dollars per hour, and ten at 12.
    expect(await budget(`run/${run}`, 'usd')).toEqual({ reserved: 2.5 * usd, spent: 0 });
    // Another worker finds the job before it knows that its memory was raised.
    await reserve(run, `${run}/a`);
    expect(await budget(`run/${run}`, 'usd')).toEqual({ reserved: 2.5 * usd, spent: 0 });
    await settle(`${run}/a`, ran(300, 'first'), ran(60, 'second'));
    expect(await budget(`run/${run}`, 'usd')).toEqual({ reserved: 0, spent: 0.7 * usd });
  });

  test('near a cap, an attempt with more memory has the time that its price allows', async () => {
    const run = await runWith({ usd: 1 });
    await reserve(run, `${run}/a`);
    await costs().seen({ tenant, jobId: `${run}/a`, times: [ran(300, 'first')] });
    const raised = {
      resources: { ...demand.resources, memoryBytes: 2 ** 31 },
      usdPerHour: 12,
    };
    // Half a dollar is left, which pays for 150 seconds beside the first 300.
    expect(await reserve(run, `${run}/a`, raised)).toMatchObject({
      limit: { seconds: expect.closeTo(450, 6) as number },
    });
    await settle(`${run}/a`, ran(300, 'first'));
  });

  test('near a cap, a job may use what is left, and the next one none', async () => {
    const run = await runWith({ cpuHours: 0.1 });
    expect(await reserve(run, `${run}/a`)).toMatchObject({
      kind: 'reserved',
      limit: { seconds: 180, budget: { scope: `run/${run}` } },
    });
    // One minute of two CPUs.
    const needed = 120_000;
    expect(await reserve(run, `${run}/b`)).toMatchObject({ kind: 'held', needed });
    await settle(`${run}/a`, ran(170));
    expect(await reserve(run, `${run}/b`)).toMatchObject({
      kind: 'spent',
      budget: { scope: `run/${run}`, unit: 'cpuHours' },
    });
    expect(await costs().report({ tenant, by: 'run', run })).toMatchObject({
      items: [{ key: run, jobs: 1 }],
    });
  });

  test('tells the longest time of a job of the run', async () => {
    const run = await runWith({ cpuHours: 1 });
    const longest = () => costs().longestJob({ tenant, runId: run });
    expect(await longest()).toBe(0);
    for (const [name, seconds] of [
      ['short', 12.5],
      ['long', 70.25],
    ] as const) {
      await reserve(run, `${run}/${name}`);
      await settle(`${run}/${name}`, ran(seconds));
    }
    expect(await longest()).toBe(70.25);
  });

  test('trials leave room for the final training', async () => {
    const run = await runWith({ cpuHours: 0.1 });
    expect(await reserve(run, `${run}/trial`, {}, 100)).toMatchObject({ limit: { seconds: 80 } });
    await settle(`${run}/trial`, ran(70));
    expect(await reserve(run, `${run}/next`, {}, 100)).toMatchObject({ kind: 'spent' });
    expect(await reserve(run, `${run}/final`)).toMatchObject({ limit: { seconds: 110 } });
  });

  test('the runs of a model share its cap of the period', async () => {
    const name = unique('shared');
    const cap = { model: { period: 'month', cpuHours: 0.4, usd: null } } as const;
    const first = await runWith(cap, name);
    const second = await startRun(test_.registry, name);
    await reserve(first, `${first}/a`);
    await settle(`${first}/a`, ran(600));
    expect(await reserve(second, `${second}/a`)).toMatchObject({
      kind: 'reserved',
      limit: { seconds: expect.closeTo(120, 6) as number },
    });
    expect(await budget(`model/${name}/${month}`)).toMatchObject({ spent: hour / 3 });
  });

  test('a new cap of a tenant counts what ran and runs in its period', async () => {
    const before = await costs().report({ tenant, by: 'month' });
    const run = await runWith();
    await reserve(run, `${run}/ended`);
    await settle(`${run}/ended`, ran(600));
    await reserve(run, `${run}/open`);
    await limitTenant({ maxCpuHours: 1_000 });
    await reserve(run, `${run}/later`);
    const used = (before.items[0]?.usedCpuHours ?? 0) * hour;
    const now = await budget(`tenant/${month}`);
    expect(now?.spent).toBeCloseTo(used + hour / 3, -1);
    const reserved = now?.reserved ?? 0;
    await settle(`${run}/open`, ran(600));
    expect(await budget(`tenant/${month}`)).toMatchObject({ reserved: reserved - hour / 3 });
    // Without the cap, the budget keeps counting, so that a cap that returns is right.
    await limitTenant({ maxCpuHours: null });
    await reserve(run, `${run}/uncapped`);
    await settle(`${run}/later`, ran(0));
    await settle(`${run}/uncapped`, ran(600));
    expect((await budget(`tenant/${month}`))?.spent).toBeCloseTo(used + hour, -1);
  });

  test('money cannot be capped for a backend without a price', async () => {
    const run = await runWith({ usd: 1 });
    await expect(reserve(run, `${run}/a`, { usdPerHour: null })).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining('there is no price for backend slurm') as string,
      next: expect.stringContaining('PERENNIAL_PRICES_FILE') as string,
    });
  });

  test('a job of an ended run is settled with the time when it was last seen', async () => {
    const run = await runWith({ cpuHours: 1 });
    await reserve(run, `${run}/a`);
    const start = new Date(Date.now() - 60_000).toISOString();
    const running = { attempt: 'a', startedAt: start, endedAt: null };
    await costs().seen({ tenant, jobId: `${run}/a`, times: [running] });
    expect(await costs().settleLeftOver({ olderThanSeconds: 0 })).toBe(0);
    await test_.registry.runs.update({ tenant, id: run, status: 'cancelled' });
    expect(await costs().settleLeftOver({ olderThanSeconds: 0 })).toBe(1);
    const { reserved, spent } = (await budget(`run/${run}`)) ?? {};
    expect(reserved).toBe(0);
    expect(spent).toBeGreaterThanOrEqual(120_000);
    expect(spent).toBeLessThan(180_000);
  });

  test('reports by run, model, backend and month, with the same sums', async () => {
    const name = unique('reported');
    const run = await runWith(undefined, name);
    await reserve(run, `${run}/a`);
    await settle(`${run}/a`, ran(360));
    await reserve(run, `${run}/b`, { usdPerHour: null });
    const sums = {
      jobs: 2,
      usedCpuHours: expect.closeTo(0.2, 6) as number,
      usedUsd: expect.closeTo(0.6, 6) as number,
      reservedCpuHours: expect.closeTo(1 / 3, 6) as number,
      unpriced: 1,
    };
    for (const [by, key] of [
      ['run', run],
      ['model', name],
      ['backend', 'slurm'],
      ['month', month],
      ['tenant', tenant],
    ] as const)
      expect(await costs().report({ tenant, by, run })).toMatchObject({
        items: [{ key, ...sums }],
        isComplete: true,
      });
  });
});
