import { startFailureCounts } from '../../../apps/gateway/failure-counts';
import type { FailedInRollout, FailedRequests } from '../../../db/serving/gateway-repository';
import { defaultTenant, type RolloutId } from '../../../domain/ids';

const failed = { tenant: defaultTenant, model: 'flight-delay', version: 7 };
let reports: (readonly FailedRequests[])[];
let ofRollouts: FailedInRollout[];
let isAway: boolean;
let errors: number;

beforeEach(() => {
  jest.useFakeTimers({ now: Date.parse('2026-01-01T09:30:00Z') });
  reports = [];
  ofRollouts = [];
  isAway = false;
  errors = 0;
});
afterEach(() => jest.useRealTimers());

function started() {
  return startFailureCounts({
    gateways: {
      reportFailures: ({ failures, inRollouts = [] }) => {
        if (isAway) return Promise.reject(new Error('PostgreSQL cannot be reached'));
        reports.push(failures);
        ofRollouts.push(...inRollouts);
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

test('counts those of a rollout by step, assigned version and minute of event time', async () => {
  const counts = started();
  const rollout = { id: 'roll_1' as RolloutId, step: 2, besides: false };
  const eventTime = '2013-08-01T10:20:45Z';
  counts.add(failed, 3, { rollout, version: 8, eventTime });
  isAway = true;
  await jest.advanceTimersByTimeAsync(1_000);
  isAway = false;
  counts.add(failed, 1, { rollout, version: 8, eventTime });
  counts.add(failed, 1, { rollout, version: 7, eventTime: null });
  await counts.stop();
  const row = {
    tenant: defaultTenant,
    rollout: 'roll_1',
    step: 2,
    hour: '2026-01-01T09:00:00.000Z',
  };
  expect(ofRollouts).toEqual([
    { ...row, version: 8, minute: '2013-08-01T10:20:00.000Z', failed: 4 },
    { ...row, version: 7, minute: '2026-01-01T09:30:00.000Z', failed: 1 },
  ]);
  expect(reports.flat().map((each) => each.failed)).toEqual([5]);
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
