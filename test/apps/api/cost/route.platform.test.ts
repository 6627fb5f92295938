import { formatIssue } from '../../../../domain/document/issue-text';
import type { Issue } from '../../../../domain/failure';
import { defaultTenant } from '../../../../domain/ids';
import { lifecycleBody, openApiWorld, type ApiWorld } from '../support/api-world';

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld();
});
afterAll(() => world.close());

const withBudget = (name: string, budget: string, backend = 'local') =>
  lifecycleBody(name, (text) =>
    text
      .replace(/^( *)compute: \{ backend: local/m, `$1compute: { backend: ${backend}`)
      .replace(/^spec:\n/m, `spec:\n  budget: ${budget}\n`),
  );
const apply = (name: string, budget: string, backend?: string) =>
  world.call<{ errors?: readonly Issue[] }>('PUT', `/lifecycles/${name}`, {
    as: 'operator',
    body: withBudget(name, budget, backend),
  });

describe('a lifecycle with a budget', () => {
  test('is accepted with caps of a run and of a model', async () => {
    const answer = await apply('capped', '{ cpuHours: 2, usd: 1, model: { cpuHours: 40 } }');
    expect(answer).toMatchObject({ status: 200 });
  });

  test.each([
    ['a cap of zero', '{ cpuHours: 0 }', 'local', /:\d+:\d+ .*budget\.cpuHours.*above 0/],
    ['a negative cap', '{ usd: -1 }', 'local', /:\d+:\d+ .*budget\.usd.*above 0/],
    ['a cap that is no number', '{ usd: .nan }', 'local', /:\d+:\d+ .*budget\.usd/],
    [
      'an unknown period',
      '{ model: { period: week, usd: 1 } }',
      'local',
      /:\d+:\d+ .*budget\.model\.period.*day.*month/,
    ],
    [
      'a cap in money for a backend without a price',
      '{ usd: 1 }',
      'ray',
      /:\d+:\d+ there is no price for backend ray; expected ray in the file of PERENNIAL_PRICES_FILE/,
    ],
  ])('is refused with its place for %s', async (_, budget, backend, message) => {
    const { status, body } = await apply('refused', budget, backend);
    expect(status).toBe(422);
    expect(body.errors?.map(formatIssue)).toEqual([expect.stringMatching(message)]);
  });
});

describe('the report of costs', () => {
  test('adds up the jobs of the caller’s tenant', async () => {
    await world.apply('costly');
    const { id: runId } = await world.accept('costly');
    const job = { tenant: defaultTenant, jobId: `${runId}/train/job/1` };
    const resources = { cpus: 2, memoryBytes: 2 ** 30, timeoutSeconds: 600 };
    const demand = { backend: 'local', resources, usdPerHour: 0.1 } as const;
    await world.registry.costs.reserve({ ...job, runId, demand });
    const startedAt = '2026-11-29T10:00:00.000Z';
    const endedAt = '2026-11-29T10:03:00.000Z';
    await world.registry.costs.settle({ ...job, times: [{ attempt: 'a', startedAt, endedAt }] });
    const answer = await world.call('GET', `/costs?by=run&run=${runId}`, { as: 'viewer' });
    expect(answer).toMatchObject({
      status: 200,
      body: { items: [{ key: runId, jobs: 1, usedCpuHours: 0.1, usedUsd: 0.005, unpriced: 0 }] },
    });
    expect(await world.call('GET', '/costs?by=model&from=2999-01-01T00:00:00Z')).toMatchObject({
      body: { items: [] },
    });
  });

  test('says when there are more rows than it returns', async () => {
    await world.apply('many');
    const resources = { cpus: 1, memoryBytes: 2 ** 30, timeoutSeconds: 60 };
    const demand = { backend: 'local', resources, usdPerHour: null } as const;
    for (let run = 0; run < 2; run++) {
      const { id: runId } = await world.accept('many');
      const jobId = `${runId}/train/job/1`;
      await world.registry.costs.reserve({ tenant: defaultTenant, jobId, runId, demand });
    }
    const readRows = async (limit: number) => {
      const { body } = await world.call<{ items: object[]; isComplete: boolean }>(
        'GET',
        `/costs?by=run&limit=${limit}`,
      );
      return { rows: body.items.length, isComplete: body.isComplete };
    };
    expect(await readRows(1)).toEqual({ rows: 1, isComplete: false });
    expect(await readRows(1000)).toMatchObject({ isComplete: true });
    expect(await world.call('GET', '/costs?limit=1001')).toMatchObject({ status: 422 });
  });

  test('of all tenants is only for administrators of the platform', async () => {
    expect(await world.call('GET', '/costs?by=tenant', { as: 'viewer' })).toMatchObject({
      status: 403,
    });
    expect(await world.call('GET', '/costs?by=tenant', { as: 'admin' })).toMatchObject({
      status: 200,
    });
  });

  test('refuses an unknown group', async () => {
    expect(await world.call('GET', '/costs?by=colour')).toMatchObject({ status: 422 });
  });
});
