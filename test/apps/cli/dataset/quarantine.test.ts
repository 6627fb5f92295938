import { openFakeApi, type FakeApi } from '../fake-api';

let api: FakeApi;
beforeEach(async () => (api = await openFakeApi()));
afterEach(() => api.close());

const list = '/datasets/shop.orders/quarantine';
const newest = {
  id: 'qua_2',
  version: 3,
  rows: 12,
  runId: 'run_2',
  reasons: { 'range:amount': 11, 'nulls:customer': 4 },
};
const older = { id: 'qua_1', version: 1, rows: 2, runId: 'run_1', reasons: { 'range:amount': 2 } };
const rows = [
  { reasons: 'range:amount', values: { customer: 'ada', amount: -1, note: 'a\u001b[2Jb\nc' } },
  { reasons: 'range:amount; nulls:customer', values: { customer: null, amount: -2.5, note: '' } },
];

describe('dataset quarantine', () => {
  beforeEach(() => {
    api.routes.set(`GET ${list}`, { items: [newest, older], nextPageToken: null });
    api.routes.set(`GET ${list}/qua_2/rows`, { quarantine: newest, items: rows });
    api.routes.set(`GET ${list}/qua_1/rows`, { quarantine: older, items: rows.slice(0, 1) });
  });

  test('prints counts by reason and requests no rows', async () => {
    const { stdout, exitCode } = await api.cli('dataset', 'quarantine', 'shop.orders');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('@3       12    run_2  range:amount: 11, nulls:customer: 4\n');
    expect(api.asked.map(({ path }) => path.split('?')[0])).toEqual([list]);
  });

  test('prints rows on request, without control characters for the terminal', async () => {
    const { stdout, stderr } = await api.cli('dataset', 'quarantine', 'shop.orders', '--rows', '2');
    expect(api.asked.at(-1)?.path).toBe(`${list}/qua_2/rows?limit=2`);
    expect(stdout.split('\n')).toEqual([
      'REASONS                       customer  amount  note',
      'range:amount                  ada       -1      a\ufffd[2Jb\ufffdc',
      'range:amount; nulls:customer            -2.5',
      '',
    ]);
    expect(stderr).toBe('2 of 12 rows of shop.orders@3 in quarantine, from run run_2\n');
  });

  test('prints one version, and JSON', async () => {
    const { stdout } = await api.cli(
      'dataset',
      'quarantine',
      'shop.orders',
      '--rows',
      '5',
      '--version',
      '1',
      '--json',
    );
    expect(JSON.parse(stdout)).toEqual({ quarantine: older, items: rows.slice(0, 1) });
    expect(
      await api.cli('dataset', 'quarantine', 'shop.orders', '--rows', '5', '--version', '2'),
    ).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: 'shop.orders@2 has no quarantined rows\n',
    });
  });
});
