import { wilsonBounds } from '../../../domain/statistics/wilson';

describe('Wilson bounds of a share', () => {
  test.each([
    ['R: prop.test(15, 50, correct = FALSE)', 15, 50, 0.191, 0.4375],
    ['0 of 20, near the rule of three', 0, 20, 0, 0.1611],
    ['20 of 20', 20, 20, 0.8389, 1],
    ['0 of 0', 0, 0, 0, 1],
  ])('agree with %s', (_name, events, n, lower, upper) => {
    const bounds = wilsonBounds({ events, n }, 0.95);
    expect(bounds.lower).toBeCloseTo(lower, 4);
    expect(bounds.upper).toBeCloseTo(upper, 4);
  });
});
