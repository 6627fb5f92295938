import fc from 'fast-check';
import { advanceClock, stoppedClock, type ClockMark } from '../../../domain/rollout/event-clock';

const mark = (wallMs: number, day: number): ClockMark => ({
  wallMs,
  eventNow: new Date(day * 86_400_000).toISOString(),
});
const settledAfter = (marks: readonly ClockMark[], settleMs: number) =>
  marks.reduce((clock, now) => advanceClock(clock, now, settleMs), stoppedClock);

describe('event time', () => {
  test('settles the given time after it was reached', () => {
    const marks = [mark(0, 1), mark(1000, 2), mark(1999, 3)];
    expect(settledAfter(marks, 2000).settled).toBeNull();
    expect(settledAfter([...marks, mark(2000, 4)], 2000).settled).toBe(mark(0, 1).eventNow);
    expect(settledAfter([...marks, mark(9000, 4)], 2000)).toEqual({
      settled: mark(0, 3).eventNow,
      marks: [mark(9000, 4)],
    });
  });

  test('settles at once without a waiting time', () => {
    expect(settledAfter([mark(0, 1)], 0)).toEqual({ settled: mark(0, 1).eventNow, marks: [] });
  });

  test('settles at the newest old enough mark, never goes back, and keeps only later marks', () => {
    const steps = fc.array(fc.record({ wait: fc.nat(1500), days: fc.nat(3) }), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(steps, fc.nat(3000), (walk, settleMs) => {
        let [wallMs, day] = [0, 0];
        const marks = walk.map(({ wait, days }) => mark((wallMs += wait), (day += days)));
        let clock = stoppedClock;
        marks.forEach((now, index) => {
          const before = clock.settled;
          clock = advanceClock(clock, now, settleMs);
          const expected =
            marks.slice(0, index + 1).findLast((each) => each.wallMs <= now.wallMs - settleMs)
              ?.eventNow ?? null;
          expect(clock.settled).toBe(expected);
          expect(before === null || (clock.settled ?? '') >= before).toBe(true);
          expect(clock.marks.every((each) => each.wallMs > now.wallMs - settleMs)).toBe(true);
        });
      }),
    );
  });
});
