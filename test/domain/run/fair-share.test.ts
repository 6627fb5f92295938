import { buildFairShare } from '../../../domain/run/fair-share';

test('a lifecycle of a tenant has one key of at most 64 bytes', () => {
  expect(buildFairShare({ tenant: 'default', lifecycle: 'churn' })).toEqual({
    fairnessKey: 'default/churn',
    fairnessWeight: 1,
  });
  const long = (end: string) =>
    buildFairShare({ tenant: 't'.repeat(60), lifecycle: `${'l'.repeat(60)}${end}` }).fairnessKey;
  expect(long('a')).toHaveLength(64);
  expect(long('a')).not.toBe(long('b'));
});

test('each priority has its own fairness key', () => {
  const of = (priority: 'low' | 'normal' | 'high') =>
    buildFairShare({ tenant: 'default', lifecycle: 'churn', priority });
  expect(of('normal')).toEqual(buildFairShare({ tenant: 'default', lifecycle: 'churn' }));
  expect(of('high')).toEqual({ fairnessKey: 'default/churn:high', fairnessWeight: 4 });
  expect(of('low')).toEqual({ fairnessKey: 'default/churn:low', fairnessWeight: 0.25 });
});
