import { openPairs } from '../../../domain/rollout/judging-pace';

const day = 86_400;
const open = (minDurationSeconds: number, elapsedSeconds: number) =>
  openPairs({ mostPairs: 2_400 }, { minDurationSeconds, elapsedSeconds });

test.each([
  ['all, where an hour is enough', 3_600, 0, 2_400],
  ['all, where there is no least time', 0, 0, 2_400],
  ['those of a day, as it begins', 5 * day, 0, 400],
  ['more with each hour', 5 * day, 6 * 3_600, 500],
  ['all, once the time is over', 5 * day, 5 * day, 2_400],
  ['no more than all, later', 5 * day, 30 * day, 2_400],
])('of 2,400 pairs may be judged %s', (_name, minDurationSeconds, elapsedSeconds, expected) => {
  expect(open(minDurationSeconds, elapsedSeconds)).toBe(expected);
});

test('each of the days that quality must hold across has its pairs', () => {
  const ofDays = [1, 2, 3, 4, 5].map((end) => open(5 * day, end * day) - (end === 1 ? 0 : open(5 * day, (end - 1) * day)));
  expect(ofDays).toEqual([800, 400, 400, 400, 400]);
});
