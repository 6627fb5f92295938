import { notifyEvents } from '../../../domain/lifecycle/lifecycle';
import { notifyEventOf, retryDelay } from '../../../domain/notification/notification';

describe('what webhooks hear of', () => {
  test.each(notifyEvents)('%s', (event) => {
    expect(notifyEventOf(event)).toBe(event);
  });

  test.each([
    'run.running',
    'run.status',
    'stage.ended',
    'trial.started',
    'rollout.extended',
    'rollout',
    '',
  ])('not %j', (name) => {
    expect(notifyEventOf(name)).toBeNull();
  });
});

describe('the wait after a failed attempt', () => {
  const delays = Array.from({ length: 9 }, (_, n) => retryDelay(n + 1) ?? NaN);

  test('is seconds at first and grows with each', () => {
    expect(delays[0]).toBe(5);
    expect([...delays].sort((a, b) => a - b)).toEqual(delays);
    expect(new Set(delays).size).toBe(9);
  });

  test('ends after the tenth attempt, a little over three days in all', () => {
    expect(retryDelay(10)).toBeNull();
    expect(delays.reduce((sum, each) => sum + each, 0) / 86_400).toBeCloseTo(3.15, 1);
  });
});
