import { count, figure, interval, percent, plain, formatSigned } from '../../domain/format';

test.each([
  [0, '0 %'],
  [0.5, '50 %'],
  [0.123456, '12.3 %'],
  [0.00012, '0.012 %'],
  [0.98765, '98.8 %'],
  [0.975, '97.5 %'],
  [0.9975, '99.75 %'],
  [0.99993, '99.993 %'],
  [1, '100 %'],
  [1.5, '150 %'],
])('writes the share %d as %s', (share, text) => {
  expect(percent(share)).toBe(text);
});

test.each([
  [0, '0'],
  [-1e-8, '0'],
  [0.0004, '+0.0004'],
  [-0.002214, '−0.00221'],
  [-12_345.6, '−12,346'],
  [null, 'unbounded'],
])('writes the difference %p as %s', (value, text) => {
  expect(formatSigned(value)).toBe(text);
});

test.each([
  [0.98765, '0.988'],
  [-0.5, '−0.5'],
  [999.7, '1,000'],
  [26_639.4, '26,639'],
  [1e-7, '1e-7'],
  [1e-17, '0'],
  [null, 'unbounded'],
])('writes the measured value %p as %s', (value, text) => {
  expect(figure(value)).toBe(text);
});

test('writes a configured limit with all its digits', () => {
  expect(plain(-0.74253)).toBe('−0.74253');
});

test('separates the thousands of a count', () => {
  expect([count(999), count(26_639), count(-1000)]).toEqual(['999', '26,639', '−1,000']);
});

test('writes an interval with both ends in the same form', () => {
  expect(interval({ lower: -0.0022, upper: 0.0031 })).toBe('−0.0022 … +0.0031');
  expect(interval({ lower: null, upper: 0.5 }, figure)).toBe('unbounded … 0.5');
});
