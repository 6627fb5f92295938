import { exceededLimit } from '../../../domain/project/run-limits';

test.each<[number, number, string | null]>([
  [1, 10, null],
  [500, 30_000, null],
  [501, 10, 'more than 500 calls of stages and steps'],
  [3, 30_001, 'a history of more than 30,000 events'],
])('a run with %d calls and %d events exceeds: %s', (calls, historyEvents, expected) => {
  expect(exceededLimit({ calls, historyEvents })).toBe(expected);
});
