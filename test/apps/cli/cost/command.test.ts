import { openFakeApi, type FakeApi } from '../fake-api';

let api: FakeApi;
beforeAll(async () => {
  api = await openFakeApi();
});
afterAll(() => api.close());

const items = [
  {
    key: 'run_1',
    jobs: 2,
    reservedCpuHours: 0,
    reservedUsd: 0,
    usedCpuHours: 0.5,
    usedUsd: 0.25,
    unpriced: 0,
  },
];

describe('cost report', () => {
  test('says that there are more rows, and how to see them', async () => {
    api.routes.set('GET /costs', { items, isComplete: false });
    const { stdout, stderr } = await api.cli('cost', 'report');
    expect(stdout).toContain('run_1');
    expect(stderr).toMatch(/1 most recent rows?, and there are more; next: .*--from and --to/);
  });

  test('says nothing beside a complete report', async () => {
    api.routes.set('GET /costs', { items, isComplete: true });
    expect((await api.cli('cost', 'report')).stderr).toBe('');
  });
});
