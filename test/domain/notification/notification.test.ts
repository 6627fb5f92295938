import {
  findNotifyEvent,
  notifyEvents,
  retryDelay,
} from '../../../domain/notification/notification';

describe('the events of webhooks', () => {
  test.each(notifyEvents)('%s', (event) => {
    expect(findNotifyEvent(event)).toBe(event);
  });

  test.each([
    'run.running',
    'run.status',
    'stage.ended',
    'trial.started',
    'rollout.extended',
    'rollout',
    '',
  ])('%j is not one', (name) => {
    expect(findNotifyEvent(name)).toBeNull();
  });
});

describe('the wait after a failed attempt', () => {
  const delays = Array.from({ length: 9 }, (_, n) => retryDelay(n + 1) ?? NaN);

  test('begins with seconds and increases', () => {
    expect(delays[0]).toBe(5);
    expect([...delays].sort((a, b) => a - b)).toEqual(delays);
    expect(new Set(delays).size).toBe(9);
  });

  test('ends after ten attempts and a little over three days', () => {
    expect(retryDelay(10)).toBeNull();
    expect(delays.reduce((sum, each) => sum + each, 0) / 86_400).toBeCloseTo(3.15, 1);
  });
});
