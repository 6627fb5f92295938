import { startFailureCounts } from '../../../apps/gateway/failure-counts';
import type { FailedRequests } from '../../../db/serving/gateway-repository';
import { defaultTenant } from '../../../domain/ids';

const failed = { tenant: defaultTenant, model: 'flight-delay', version: 7 };
let reports: (readonly FailedRequests[])[];
let isAway: boolean;
let errors: number;

beforeEach(() => {
  jest.useFakeTimers({ now: Date.parse('2026-01-01T09:30:00Z') });
  reports = [];
  isAway = false;
  errors = 0;
});
afterEach(() => jest.useRealTimers());

function started() {
  return startFailureCounts({
    gateways: {
      reportFailures: ({ failures }) => {
        if (isAway) return Promise.reject(new Error('PostgreSQL cannot be reached'));
        reports.push(failures);
        return Promise.resolve();
      },
    },
    id: 'gateway_1',
    everyMs: 1_000,
    onError: () => (errors += 1),
  });
}

test('reports the whole number of the hour, and only when it has grown', async () => {
  const counts = started();
  counts.add(failed, 1);
  counts.add(failed, 1);
  await jest.advanceTimersByTimeAsync(3_000);
  counts.add(failed, 1);
  await jest.advanceTimersByTimeAsync(1_000);
  const hour = '2026-01-01T09:00:00.000Z';
  const row = { ...failed, hour, reason: 'failed', column: null };
  expect(reports).toEqual([[{ ...row, failed: 2 }], [{ ...row, failed: 3 }]]);
  await counts.stop();
  expect(reports).toHaveLength(2);
});

test('repeats what the registry did not take, and reports the rest when it stops', async () => {
  const counts = started();
  counts.add(failed, 1);
  isAway = true;
  await jest.advanceTimersByTimeAsync(2_000);
  expect(errors).toBe(2);
  isAway = false;
  counts.add(failed, 1);
  await counts.stop();
  expect(reports.flat().map((each) => each.failed)).toEqual([2]);
});

test('counts each hour by itself', async () => {
  const counts = started();
  counts.add(failed, 1);
  await jest.advanceTimersByTimeAsync(3_600_000);
  counts.add(failed, 1);
  await counts.stop();
  expect(reports.flat().map(({ hour, failed: count }) => [hour, count])).toEqual([
    ['2026-01-01T09:00:00.000Z', 1],
    ['2026-01-01T10:00:00.000Z', 1],
  ]);
});

test('counts a refused request as one row, and by each reason and column', async () => {
  const counts = started();
  const distance = { reason: 'wrong-type', column: 'distance' } as const;
  const unknown = { reason: 'unknown', column: null } as const;
  counts.addRefused(failed, [distance, unknown]);
  counts.addRefused(failed, [distance]);
  await counts.stop();
  expect(reports.flat().map((each) => [each.reason, each.column, each.failed])).toEqual([
    ['refused', null, 2],
    ['wrong-type', 'distance', 2],
    ['unknown', null, 1],
  ]);
});
