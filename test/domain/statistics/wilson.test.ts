import { wilsonBounds } from '../../../domain/statistics/wilson';

describe('the bounds of a share', () => {
  test.each([
    ['R: prop.test(15, 50, correct = FALSE)', 15, 50, 0.191, 0.4375],
    ['none of 20: the rule of three is near', 0, 20, 0, 0.1611],
    ['all of 20', 20, 20, 0.8389, 1],
    ['of nothing', 0, 0, 0, 1],
  ])('%s', (_name, events, n, lower, upper) => {
    const bounds = wilsonBounds({ events, n }, 0.95);
    expect(bounds.lower).toBeCloseTo(lower, 4);
    expect(bounds.upper).toBeCloseTo(upper, 4);
  });
});
