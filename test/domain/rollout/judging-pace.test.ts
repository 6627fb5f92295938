import { openPairs, openSince } from '../../../domain/rollout/judging-pace';
import { noDays } from '../../../domain/statistics/days-sequence';
import { emptyMean } from '../../../domain/statistics/mean-sequence';

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

test.each([
  ['nobody is left while no day is closed', 5 * day, 0, null],
  ['what is of a closed day is left, where quality must hold across days', 5 * day, 2, '2026-03-03T06:00:00.000Z'],
  ['nobody is left where it need not', 4 * day, 2, null],
])('%s', (_name, minDurationSeconds, closedBefore, expected) => {
  const days = { ...noDays, closedBefore };
  const quality = { kind: 'pairs', traffic: emptyMean(), days, unlabelled: 0, unscored: 0 } as const;
  expect(openSince({ startedAt: '2026-03-01T06:00:00Z', quality }, { minDurationSeconds })).toBe(expected);
});

test('nobody is left before there was traffic', () => {
  expect(openSince(null, { minDurationSeconds: 5 * day })).toBeNull();
});
