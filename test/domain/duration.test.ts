import fc from 'fast-check';
import { formatByteSize, parseByteSize, suggestByteSize } from '../../domain/byte-size';
import { formatDuration, parseDuration, suggestDuration } from '../../domain/duration';

describe('durations', () => {
  test.each([
    ['45s', { months: 0, seconds: 45 }],
    ['30m', { months: 0, seconds: 1_800 }],
    ['6h', { months: 0, seconds: 21_600 }],
    ['30d', { months: 0, seconds: 2_592_000 }],
    ['6mo', { months: 6, seconds: 0 }],
    ['0h', { months: 0, seconds: 0 }],
  ])('%s is understood', (text, expected) => {
    expect(parseDuration(text)).toEqual(expected);
  });

  test.each([
    '',
    'm',
    '30',
    '30 d',
    '30D',
    '1.5h',
    '-3d',
    '1w',
    '6M',
    '1h30m',
    '12345678s',
    '3d\n',
    '٣d',
  ])('%j is rejected', (text) => {
    expect(parseDuration(text)).toBeNull();
  });

  test.each([
    ['30 days', '30d'],
    ['30D', '30d'],
    ['2w', '14d'],
    ['1y', '12mo'],
    ['6months', '6mo'],
    ['PT30M', null],
    ['90min', '90m'],
    ['6M', null],
    ['soon', null],
  ])('%j was meant as %j', (text, expected) => {
    expect(suggestDuration(text)).toBe(expected);
  });

  const duration = fc.oneof(
    fc.integer({ min: 0, max: 9_999_999 }).map((seconds) => ({ months: 0, seconds })),
    fc.integer({ min: 1, max: 9_999_999 }).map((months) => ({ months, seconds: 0 })),
  );
  test('parses what it formats to the same value', () => {
    fc.assert(
      fc.property(duration, (value) => expect(parseDuration(formatDuration(value))).toEqual(value)),
    );
  });

  test('every suggestion is valid', () => {
    fc.assert(
      fc.property(
        fc.nat(9_999),
        fc.constantFrom('s', 'sec', 'minutes', 'h', 'Days', 'w', 'weeks', 'month', 'yr', 'x'),
        (count, unit) => {
          const suggested = suggestDuration(`${count} ${unit}`);
          expect(suggested === null ? unit : parseDuration(suggested)).not.toBeNull();
        },
      ),
    );
  });
});

describe('byte sizes', () => {
  test.each([
    ['1KiB', 1_024],
    ['512MiB', 536_870_912],
    ['2GiB', 2_147_483_648],
    ['1TiB', 1_099_511_627_776],
  ])('%s is understood', (text, expected) => {
    expect(parseByteSize(text)).toBe(expected);
  });

  test.each(['', '2', '2G', '2GB', '2 GiB', '1.5GiB', '-1GiB', '2gib'])(
    '%j is rejected',
    (text) => {
      expect(parseByteSize(text)).toBeNull();
    },
  );

  test.each([
    ['2GB', '2GiB'],
    ['512 mb', '512MiB'],
    ['2g', '2GiB'],
    ['2gib', '2GiB'],
    ['many', null],
  ])('%j was meant as %j', (text, expected) => {
    expect(suggestByteSize(text)).toBe(expected);
  });

  test('parses what it formats to the same value', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 999_999 }),
        fc.constantFrom('KiB', 'MiB', 'GiB', 'TiB'),
        (count, unit) => {
          const bytes = parseByteSize(`${count}${unit}`);
          expect(bytes).not.toBeNull();
          expect(parseByteSize(formatByteSize(bytes ?? 0))).toBe(bytes);
        },
      ),
    );
  });
});
