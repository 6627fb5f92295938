import {
  assumedDayCorrelation,
  correlationWidening,
} from '../../../domain/statistics/day-correlation';
import { seededRandom } from '../../../domain/statistics/random';
import { dayEffects } from '../../support/rollout/simulated-traffic';

test('independent days need no widening', () => {
  expect(correlationWidening(0)).toBe(1);
});

test('the widening matches the standard error of the mean of many correlated days', () => {
  const random = seededRandom([1, 2, 3, 4]);
  const days = 200;
  const next = dayEffects.lasting(1, assumedDayCorrelation)(random);
  const means = Array.from(
    { length: 4_000 },
    () => Array.from({ length: days }, next).reduce((sum, each) => sum + each, 0) / days,
  );
  const variance = means.reduce((sum, each) => sum + each ** 2, 0) / means.length;
  const widening = Math.sqrt(variance * days) / correlationWidening(assumedDayCorrelation);
  expect(widening).toBeGreaterThan(0.95);
  expect(widening).toBeLessThan(1.05);
});
