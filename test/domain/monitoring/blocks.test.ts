import { openBlocks } from '../../../domain/monitoring/blocks';

describe('blocks in New York', () => {
  const { findPlace, findStart } = openBlocks('America/New_York');

  test('a day begins at midnight of the time zone', () => {
    const before = findPlace('2013-07-01T03:00:00Z');
    const after = findPlace('2013-07-01T04:00:00Z');
    expect(after.blocks.day).toBe(before.blocks.day + 1);
    expect(findStart('day', after.blocks.day)).toBe('2013-07-01T04:00:00.000Z');
  });

  test('a week begins on Monday', () => {
    const { blocks } = findPlace('2013-07-07T23:00:00Z');
    expect(findStart('week', blocks.week)).toBe('2013-07-01T04:00:00.000Z');
    expect(findPlace('2013-07-08T04:00:00Z').blocks.week).toBe(blocks.week + 1);
  });

  test.each([
    ['2013-07-01T04:30:00Z', 0],
    ['2013-07-01T10:00:00Z', 1],
    ['2013-07-02T03:59:59Z', 3],
    ['2013-07-06T16:00:00Z', 6],
    // Clocks were set back: 25 hours.
    ['2013-11-04T04:00:00Z', 7],
  ])('%s belongs to season %d', (hour, season) => {
    expect(findPlace(hour).season).toBe(season);
  });

  test('a text that is no time is refused with the text', () => {
    expect(() => findPlace('yesterday')).toThrow('"yesterday" is not an hour');
  });
});
