import { costBudgets, formatPeriod, raiseCap } from '../../../domain/cost/caps';
import {
  mergeAttempts,
  partsFor,
  secondsFor,
  usedParts,
  usedSeconds,
} from '../../../domain/cost/usage';
import { defaultTenant, type RunId } from '../../../domain/ids';
import { ofAllNodes } from '../../../domain/training/job';

const none = { cpuHours: null, usd: null };

test('a job counts against its run, its model and its tenant, in one order', () => {
  const budgets = costBudgets({
    runId: 'run_1' as RunId,
    lifecycle: 'churn',
    budget: { cpuHours: 1, usd: null, model: { period: 'day', cpuHours: null, usd: 2 } },
    tenantCap: { ...none, period: 'month', usd: 3 },
    at: '2026-11-29T23:59:59+00:00',
  });
  expect(budgets.filter(({ limit }) => limit !== null)).toEqual([
    { scope: 'model/churn/2026-11-29', unit: 'usd', limit: 2e9 },
    { scope: 'run/run_1', unit: 'cpuHours', limit: 3_600_000 },
    { scope: 'tenant/2026-11', unit: 'usd', limit: 3e9 },
  ]);
  expect(budgets).toHaveLength(10);
});

test('periods begin at midnight in UTC', () => {
  expect(formatPeriod('day', '2026-11-30T23:30:00-02:00')).toBe('2026-12-01');
  expect(formatPeriod('month', '2026-11-30T23:30:00-02:00')).toBe('2026-12');
});

test.each([
  ['run/run_1', /spec\.budget .*run rerun/],
  ['model/churn/2026-11', /spec\.budget\.model .*2026-11/],
  ['tenant/2026-11', /perennial tenant limits default --cpu-hours .*2026-11/],
])('the next step for a spent budget of %s', (scope, next) => {
  expect(raiseCap(scope, defaultTenant)).toMatch(next);
});

test('an attempt that its backend forgot counts until it was last seen', () => {
  const first = mergeAttempts(
    [],
    [{ attempt: 'a', startedAt: '2026-11-29T10:00:00Z', endedAt: null }],
    { now: '2026-11-29T10:02:00Z', hourPrice: 6e9 },
  );
  const both = mergeAttempts(
    first,
    [{ attempt: 'b', startedAt: '2026-11-29T10:10:00Z', endedAt: '2026-11-29T10:11:00Z' }],
    { now: '2026-11-29T10:12:00Z', hourPrice: 12e9 },
  );
  expect(usedSeconds(both)).toBe(180);
  // Two minutes at 6 dollars per hour, and one at 12.
  expect(usedParts({ cpus: 2 }, both)).toEqual({ cpuHours: 360_000, usd: 400_000_000 });
});

test('a job on several nodes reserves and pays for all of them', () => {
  const each = { cpus: 2, memoryBytes: 2 ** 30, timeoutSeconds: 600, gpus: 1 };
  const all = ofAllNodes({ ...each, nodes: 3, queue: 'gpu' });
  expect(all).toEqual({
    cpus: 6,
    memoryBytes: 3 * 2 ** 30,
    timeoutSeconds: 600,
    gpus: 3,
    queue: 'gpu',
  });
  expect(ofAllNodes(each)).toEqual(each);
  const demand = { backend: 'slurm', resources: all, usdPerHour: null } as const;
  expect(partsFor(demand, 100).cpuHours).toBe(6 * 100 * 1000);
});

test('parts and seconds of a job are the inverse of each other', () => {
  const demand = {
    backend: 'ray',
    resources: { cpus: 3, memoryBytes: 1, timeoutSeconds: 60 },
    usdPerHour: 1.8,
  } as const;
  const parts = partsFor(demand, 100);
  expect(parts).toEqual({ cpuHours: 300_000, usd: 50_000_000 });
  expect(secondsFor(demand, 'cpuHours', parts.cpuHours)).toBe(100);
  expect(secondsFor(demand, 'usd', parts.usd)).toBeCloseTo(100, 9);
  expect(secondsFor({ ...demand, usdPerHour: null }, 'usd', 0)).toBe(Infinity);
});
