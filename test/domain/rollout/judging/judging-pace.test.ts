import {
  allowedPairs,
  earliestJudgedTime,
  type JudgingPhase,
} from '../../../../domain/rollout/judging/judging-pace';
import { startEvidence } from '../../../../domain/rollout/judging/observe';
import { startDaysAt } from '../../../../domain/statistics/days-sequence';
import { policyWith } from '../../../support/rollout/policies';

const day = 86_400;
const open = (
  minDurationSeconds: number,
  elapsedSeconds: number,
  at: Pick<JudgingPhase, 'steps' | 'step'> = { steps: [0], step: 0 },
) => allowedPairs({ mostPairs: 2_400 }, { ...at, minDurationSeconds, elapsedSeconds });

test.each([
  ['all with a minDuration of an hour', 3_600, 0, 2_400],
  ['all without a minDuration', 0, 0, 2_400],
  ['one day’s share at the start of a week', 7 * day, 0, 300],
  ['more with each hour', 7 * day, 8 * 3_600, 400],
  ['all at the end of the week', 7 * day, 7 * day, 2_400],
  ['no more than all later', 7 * day, 30 * day, 2_400],
])('of 2,400 pairs allows %s', (_name, minDurationSeconds, elapsedSeconds, expected) => {
  expect(open(minDurationSeconds, elapsedSeconds)).toBe(expected);
});

test('every day of a week has its share of the pairs', () => {
  const ofDays = [1, 2, 3, 4, 5, 6, 7].map(
    (end) => open(7 * day, end * day) - (end === 1 ? 0 : open(7 * day, (end - 1) * day)),
  );
  expect(ofDays).toEqual([600, 300, 300, 300, 300, 300, 300]);
});

test('a shadow leaves half of the pairs to the serving steps', () => {
  const steps = [0, 50];
  expect(open(3_600, 0, { steps, step: 0 })).toBe(1_200);
  expect(open(3_600, 0, { steps, step: 1 })).toBe(2_400);
  expect(open(7 * day, 7 * day, { steps, step: 0 })).toBe(1_200);
  expect(open(7 * day, 0, { steps, step: 1 })).toBe(1_350);
  expect(open(7 * day, 7 * day, { steps, step: 1 })).toBe(2_400);
});

const march = (text: string) => Date.parse(`2026-03-${text}`) / 86_400_000;
test.each([
  ['all pairs are judged while no day is closed', 7 * day, march('01'), null],
  [
    'pairs of closed days are not judged if quality must hold across days',
    7 * day,
    march('03'),
    '2026-03-03T00:00:00.000Z',
  ],
  ['pairs of closed days are judged if days are not tested', 4 * day, march('03'), null],
])('%s', (_name, minDurationSeconds, closedBefore, expected) => {
  const days = { ...startDaysAt(march('01')), closedBefore };
  const evidence = startEvidence(policyWith(), {
    champion: 'a@1',
    challenger: 'a@2',
    at: '2026-03-01T06:00:00Z',
  });
  expect(
    earliestJudgedTime(
      { quality: { ...evidence.quality, days } },
      { test: { minDurationSeconds }, timezone: 'UTC' },
    ),
  ).toBe(expected);
});

test('a day ends at midnight in the time zone of the lifecycle', () => {
  const evidence = startEvidence(policyWith(), {
    champion: 'a@1',
    challenger: 'a@2',
    at: '2026-03-01T06:00:00Z',
  });
  const days = { ...startDaysAt(march('01')), closedBefore: march('03') };
  expect(
    earliestJudgedTime(
      { quality: { ...evidence.quality, days } },
      { test: { minDurationSeconds: 7 * day }, timezone: 'America/New_York' },
    ),
  ).toBe('2026-03-03T05:00:00.000Z');
});

test('all pairs are judged before any traffic', () => {
  expect(
    earliestJudgedTime(null, { test: { minDurationSeconds: 7 * day }, timezone: 'UTC' }),
  ).toBeNull();
});
