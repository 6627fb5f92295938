import { fairnessKeyOf } from '../../../domain/run/fair-share';

test('a lifecycle of a tenant has one key of at most 64 bytes', () => {
  expect(fairnessKeyOf({ tenant: 'default', lifecycle: 'churn' })).toBe('default/churn');
  const long = (end: string) =>
    fairnessKeyOf({ tenant: 't'.repeat(60), lifecycle: `${'l'.repeat(60)}${end}` });
  expect(long('a')).toHaveLength(64);
  expect(long('a')).not.toBe(long('b'));
});
