import { startProduct, type Product } from '../support/process/product';
import { lenientGates, writeTinyLifecycle } from '../support/tiny-lifecycle';

jest.setTimeout(240_000);

let product: Product;

beforeAll(async () => {
  product = await startProduct();
});
afterAll(() => product.stop());

interface ReportedCost {
  readonly key: string;
  readonly jobs: number;
  readonly usedCpuHours: number;
  readonly reservedCpuHours: number;
}

async function readCost(run: string): Promise<ReportedCost | undefined> {
  const { exitCode, stdout } = await product.cli(['cost', 'report', '--run', run, '--json']);
  expect(exitCode).toBe(0);
  return (JSON.parse(stdout) as readonly ReportedCost[]).find(({ key }) => key === run);
}

test('a study that reaches the cap of its run registers its best trial and says why', async () => {
  // 130 s of one CPU. Trials stop when less than a minute is left beside that of the final training.
  const cap = 0.0361;
  await product.apply(
    writeTinyLifecycle(product.workDir, {
      name: 'capped',
      budget: `{ cpuHours: ${cap} }`,
      evaluate: lenientGates,
      tune: `{ metric: logloss, direction: minimize, trials: 2000, parallel: 1, pruner: none,
        space: { C: { kind: float, low: 0.001, high: 10, log: true } } }`,
    }),
  );
  const { body } = await product.start('capped');
  const run = await product.waitForEnd(body.id, 200);
  expect(run).toMatchObject({ status: 'succeeded', version: 1 });
  const { stdout: shown } = await product.cli(['run', 'show', run.id]);
  expect(shown.replaceAll(/\s+/g, ' ')).toMatch(
    /ended early: the budget of run\/\S+ has too little left: \S+ CPU-hours of 0\.0361 CPU-hours used/,
  );
  const cost = await readCost(run.id);
  expect(cost?.jobs).toBeGreaterThan(3);
  expect(cost?.jobs).toBeLessThan(2_000);
  expect(cost?.usedCpuHours).toBeGreaterThan(0);
  expect(cost?.usedCpuHours).toBeLessThanOrEqual(cap);
  expect(cost?.reservedCpuHours).toBe(0);
});

test('a run whose cap has no room for a model fails and names the budget', async () => {
  await product.apply(
    writeTinyLifecycle(product.workDir, { name: 'broke', budget: '{ cpuHours: 0.01 }' }),
  );
  const { body } = await product.start('broke');
  const run = await product.waitForEnd(body.id);
  expect(run).toMatchObject({
    status: 'failed',
    failure: { type: 'BudgetSpent', message: expect.stringContaining('0.01') as string },
  });
  expect(await readCost(run.id)).toBeUndefined();
});
