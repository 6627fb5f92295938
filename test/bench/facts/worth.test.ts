import {
  estimateDifference,
  estimateRelativeChange,
  estimateShare,
} from '../../../bench/facts/worth';

const without = Array.from({ length: 200 }, (_, question) => Number(question % 5 === 0));
const with_ = Array.from({ length: 200 }, (_, question) => Number(question % 2 === 0));

test('a rise from 20 to 50 % is 30 points and 150 %, each within its bounds', () => {
  const [difference, relative] = [
    estimateDifference(without, with_),
    estimateRelativeChange(without, with_),
  ];
  expect(difference?.value).toBeCloseTo(0.3, 9);
  expect(relative?.value).toBeCloseTo(1.5, 9);
  expect(difference?.lower).toBeGreaterThan(0.15);
  expect(difference?.upper).toBeLessThan(0.45);
  expect(relative?.lower).toBeGreaterThan(0.7);
  expect(relative?.upper).toBeGreaterThan(2);
});

test('the same questions give the same bounds', () => {
  expect(estimateRelativeChange(without, with_)).toEqual(estimateRelativeChange(without, with_));
});

test('equal answers have no change, and no questions have no share', () => {
  expect(estimateDifference(without, without)).toMatchObject({ value: 0, lower: 0, upper: 0 });
  expect(
    estimateRelativeChange(
      without.map(() => 0),
      with_,
    ),
  ).toBeNull();
});

test('a share of 0 has an upper bound', () => {
  expect(estimateShare(Array.from({ length: 100 }, () => false)).upper).toBeGreaterThan(0.03);
});
