import { openCalendar } from '../../../../domain/calendar';
import { wholeWeeks } from '../../../../domain/evaluation/measure/whole-weeks';

const newYork = 'America/New_York';
const date = (day: number) => new Date(day * 86_400_000).toISOString().slice(0, 10);

function judged(from: string, until: string, { timezone = 'UTC', labelDelaySeconds = 0 } = {}) {
  const days = wholeWeeks({ from, until }, openCalendar(timezone), labelDelaySeconds);
  return { from: date(days.from), until: date(days.until), weeks: days.weeks };
}

describe('the days that gates use', () => {
  test('are the last whole weeks of the holdout', () => {
    expect(judged('2013-06-01T00:00:00Z', '2013-07-01T00:00:00Z')).toEqual({
      from: '2013-06-03',
      until: '2013-07-01',
      weeks: 4,
    });
  });

  test('are whole days of the time zone', () => {
    const found = judged('2013-06-01T00:00:00Z', '2013-07-01T00:00:00Z', { timezone: newYork });
    expect(found).toEqual({ from: '2013-06-02', until: '2013-06-30', weeks: 4 });
  });

  test('include a last day without rows at its end', () => {
    expect(judged('2013-06-16T23:00:01Z', '2013-06-30T23:00:01Z')).toEqual({
      from: '2013-06-17',
      until: '2013-07-01',
      weeks: 2,
    });
  });

  test('end before the first day without all labels', () => {
    const found = judged('2013-06-01T00:00:00Z', '2013-07-01T00:00:00Z', {
      labelDelaySeconds: 12 * 3600,
    });
    expect(found).toEqual({ from: '2013-06-02', until: '2013-06-30', weeks: 4 });
  });

  test('are as many when the clocks change', () => {
    const zone = { timezone: newYork };
    expect(judged('2013-03-04T05:00:00Z', '2013-03-18T04:00:00Z', zone)).toEqual({
      from: '2013-03-04',
      until: '2013-03-18',
      weeks: 2,
    });
    expect(judged('2013-10-28T04:00:00Z', '2013-11-11T05:00:00Z', zone)).toEqual({
      from: '2013-10-28',
      until: '2013-11-11',
      weeks: 2,
    });
  });

  test('are zero weeks when there are only six days', () => {
    expect(judged('2013-06-01T00:00:00Z', '2013-06-07T00:00:00Z')).toEqual({
      from: '2013-06-01',
      until: '2013-06-07',
      weeks: 0,
    });
    expect(judged('2013-06-01T12:00:00Z', '2013-06-08T12:00:00Z')).toEqual({
      from: '2013-06-02',
      until: '2013-06-08',
      weeks: 0,
    });
    expect(judged('2013-06-01T12:00:00Z', '2013-06-01T13:00:00Z').weeks).toBe(0);
  });
});
