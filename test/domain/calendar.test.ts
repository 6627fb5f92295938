import vm from 'node:vm';
import { openCalendar } from '../../domain/calendar';

const at = (text: string) => Date.parse(text);
const hours = 3_600_000;

describe('the days of a time zone', () => {
  test('begin at local midnight, not at that of UTC', () => {
    const { findDay, findStart } = openCalendar('America/New_York');
    expect(findDay(at('2013-08-02T03:59:59Z'))).toBe(findDay(at('2013-08-01T04:00:00Z')));
    expect(findDay(at('2013-08-02T04:00:00Z'))).toBe(findDay(at('2013-08-02T03:59:59.999Z')) + 1);
    expect(new Date(findStart(findDay(at('2013-08-01T12:00:00Z')))).toISOString()).toBe(
      '2013-08-01T04:00:00.000Z',
    );
  });

  test.each([
    ['America/New_York', '2013-03-10T12:00:00Z', 23],
    ['America/New_York', '2013-11-03T12:00:00Z', 25],
    ['Europe/Berlin', '2026-03-29T12:00:00Z', 23],
    ['Australia/Lord_Howe', '2026-04-05T02:00:00Z', 24.5],
    // Its clocks were put forward at midnight: the day began at 1.
    ['America/Sao_Paulo', '2018-11-04T12:00:00Z', 23],
    ['UTC', '2026-03-29T12:00:00Z', 24],
  ])('have the right number of hours: %s on %s', (timezone, noon, expected) => {
    const { findDay, findStart } = openCalendar(timezone);
    const day = findDay(at(noon));
    expect((findStart(day + 1) - findStart(day)) / hours).toBe(expected);
  });

  test.each([
    'UTC',
    'America/St_Johns',
    'Pacific/Apia',
    'Asia/Kolkata',
    'America/Sao_Paulo',
    'Africa/Casablanca',
  ])('never go back, and each is asked for as it begins: %s', (timezone) => {
    const calendar = openCalendar(timezone);
    let last = -Infinity;
    for (let ms = at('2010-10-01T00:07:00Z'); ms < at('2012-01-10T00:00:00Z'); ms += 11 * hours) {
      const day = calendar.findDay(ms);
      expect(day).toBeGreaterThanOrEqual(last);
      expect(calendar.findStart(day)).toBeLessThanOrEqual(ms);
      last = day;
    }
    // In whatever order they are asked for.
    expect(calendar.findDay(at('2010-10-05T12:00:00Z'))).toBe(
      openCalendar(timezone).findDay(at('2010-10-05T12:00:00Z')),
    );
  });

  test('agree with UTC in the zone UTC, also before 1970', () => {
    const named = openCalendar('Etc/UTC');
    for (const text of [
      '1969-12-31T23:59:59Z',
      '1970-01-01T00:00:00Z',
      '2024-02-29T23:00:00Z',
      '0099-03-01T01:00:00Z',
    ]) {
      expect(named.findDay(at(text))).toBe(openCalendar('UTC').findDay(at(text)));
    }
  });

  test('reject an unknown zone', () => {
    expect(() => openCalendar('Mars/Olympus')).toThrow(RangeError);
  });

  test('are the same in a bare context, as in workflow code', () => {
    const context = vm.createContext({});
    const source = `new Intl.DateTimeFormat('en-US', { timeZone: 'America/New_York', day: 'numeric' }).format(${at('2013-08-01T03:00:00Z')})`;
    expect(vm.runInContext(source, context)).toBe('31');
  });
});
