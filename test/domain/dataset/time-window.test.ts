import fc from 'fast-check';
import { assembledParts } from '../../../domain/dataset/split';
import {
  latestWindow,
  findMinDays,
  splitWindow,
  windowEnding,
} from '../../../domain/dataset/time-window';
import { formatInstant, parseInstant } from '../../../domain/instant';

const months = (count: number) => ({ months: count, seconds: 0 });
const days = (count: number) => ({ months: 0, seconds: count * 86_400 });

describe('a window', () => {
  test.each([
    ['2013-07-01T00:00:00Z', months(6), '2013-01-01T00:00:00Z', '2013-07-01T00:00:00Z'],
    ['2013-07-01T00:00:00Z', days(30), '2013-06-01T00:00:00Z', '2013-07-01T00:00:00Z'],
    ['2013-07-01T02:00:00+02:00', months(1), '2013-06-01T00:00:00Z', '2013-07-01T00:00:00Z'],
    ['2013-08-31T12:00:00Z', months(6), '2013-02-28T12:00:00Z', '2013-08-31T12:00:00Z'],
    ['2012-03-31T00:00:00Z', months(1), '2012-02-29T00:00:00Z', '2012-03-31T00:00:00Z'],
    [
      '2013-01-15T00:00:00.250Z',
      months(14),
      '2011-11-15T00:00:00.250Z',
      '2013-01-15T00:00:00.250Z',
    ],
    ['2016-02-29T00:00:00Z', months(12), '2015-02-28T00:00:00Z', '2016-02-29T00:00:00Z'],
  ])('ending at %s, %j long', (until, length, from, end) => {
    expect(windowEnding(until, length)).toEqual({ from, until: end });
  });

  test('until latest ends one second after the newest row at most', () => {
    expect(latestWindow('2013-06-30T23:59:00Z', days(1))).toEqual({
      from: '2013-06-29T23:59:01Z',
      until: '2013-06-30T23:59:01Z',
    });
    expect(latestWindow('2013-06-30T23:59:59.999999Z', days(1)).until).toBe('2013-07-01T00:00:00Z');
  });

  test('rejects an invalid end', () => {
    expect(() => windowEnding('yesterday', days(1))).toThrow(
      '"yesterday" is not a time with an offset, such as 2013-07-01T00:00:00Z',
    );
    expect(() => latestWindow('', days(1))).toThrow('"" is not a time');
  });
});

describe('the split', () => {
  const split = { by: 'time', tuningDays: 30, confirmDays: 15, holdoutDays: 30 } as const;

  test('orders train, tuning, confirm and holdout by time', () => {
    expect(
      splitWindow({ from: '2013-01-01T00:00:00Z', until: '2013-07-01T00:00:00Z' }, split),
    ).toEqual({
      train: { from: '2013-01-01T00:00:00Z', until: '2013-04-17T00:00:00Z' },
      tuning: { from: '2013-04-17T00:00:00Z', until: '2013-05-17T00:00:00Z' },
      confirm: { from: '2013-05-17T00:00:00Z', until: '2013-06-01T00:00:00Z' },
      holdout: { from: '2013-06-01T00:00:00Z', until: '2013-07-01T00:00:00Z' },
    });
  });

  test('rejects a window without a day to train on', () => {
    expect(() =>
      splitWindow({ from: '2013-04-17T00:00:00Z', until: '2013-07-01T00:00:00Z' }, split),
    ).toThrow(
      'the window 2013-04-17T00:00:00Z to 2013-07-01T00:00:00Z has no rows to train on: tuning, confirm and holdout take 75 days',
    );
  });

  test('parts meet without a gap and fill the window', () => {
    const day = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 20_000 }),
        day,
        day,
        day,
        (end, tuningDays, confirmDays, holdoutDays) => {
          const window = windowEnding(formatInstant(end * 86_400_000), months(6));
          const parts = splitWindow(window, { by: 'time', tuningDays, confirmDays, holdoutDays });
          const inOrder = assembledParts.map((name) => parts[name]);
          expect(inOrder[0]?.from).toBe(window.from);
          expect(inOrder.at(-1)?.until).toBe(window.until);
          inOrder.slice(1).forEach((part, i) => expect(part.from).toBe(inOrder[i]?.until));
        },
      ),
    );
  });
});

describe('the shortest number of days of a window', () => {
  test.each([
    [months(1), 28],
    [months(2), 59],
    [months(6), 181],
    [months(12), 365],
    [days(30), 30],
    [{ months: 0, seconds: 90_000 }, 1],
  ])('%j has at least %d days', (length, expected) => {
    expect(findMinDays(length)).toBe(expected);
  });

  test('is a lower bound of every window', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 40_000 }),
        fc.integer({ min: 1, max: 30 }),
        (end, length) => {
          const window = windowEnding(formatInstant(end * 86_400_000), months(length));
          expect(
            (Date.parse(window.until) - Date.parse(window.from)) / 86_400_000,
          ).toBeGreaterThanOrEqual(findMinDays(months(length)));
        },
      ),
    );
  });
});

describe('instants', () => {
  test.each([
    '2013-07-01',
    '2013-07-01T00:00:00',
    '2013-02-29T00:00:00Z',
    '2013-13-01T00:00:00Z',
    '2013-07-01T24:00:00Z',
    '2013-07-01 00:00:00Z',
    ' 2013-07-01T00:00:00Z',
  ])('%j is refused', (text) => expect(parseInstant(text)).toBeNull());

  test('rejects an invalid offset', () => {
    expect(parseInstant('2013-07-01T00:00:00+99:00')).toBeNull();
  });

  test('parses formatted instants to the same value', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000_000_000_000 }), (at) =>
        expect(parseInstant(formatInstant(at))).toBe(at),
      ),
    );
  });
});
