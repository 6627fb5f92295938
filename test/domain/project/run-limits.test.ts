import { exceededLimit } from '../../../domain/project/run-limits';

test.each<[number, number, boolean, string | null]>([
  [1, 10, false, null],
  [500, 30_000, false, null],
  [501, 10, false, 'more than 500 calls of stages and steps'],
  [3, 30_001, false, 'a history of more than 30,000 events'],
  [500, 50_000, true, null],
  [501, 10, true, 'more than 500 calls of stages and steps'],
  [3, 50_001, true, 'a history of more than 50,000 events'],
])(
  '%d calls and %d events, in an undo: %p, exceed: %s',
  (calls, historyEvents, isUndoing, limit) => {
    expect(exceededLimit({ calls, historyEvents, isUndoing })).toBe(limit);
  },
);
