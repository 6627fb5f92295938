import { endOfQuietHours } from '../../../domain/notification/quiet-hours';

const berlin = { from: '22:00', until: '07:00', timezone: 'Europe/Berlin' };
const noon = { from: '12:00', until: '13:00', timezone: 'UTC' };

test.each([
  ['before midnight', berlin, '2026-01-10T22:30:15Z', '2026-01-11T06:00:00.000Z'],
  ['after midnight', berlin, '2026-01-11T03:00:00Z', '2026-01-11T06:00:00.000Z'],
  ['at their first minute', berlin, '2026-01-10T21:00:00Z', '2026-01-11T06:00:00.000Z'],
  ['at their end', berlin, '2026-01-11T06:00:00Z', null],
  ['by day', berlin, '2026-01-11T12:00:00Z', null],
  ['within one day', noon, '2026-01-11T12:59:59Z', '2026-01-11T13:00:00.000Z'],
  [
    'in the night in which the clock goes forward',
    berlin,
    '2026-03-28T23:00:00Z',
    '2026-03-29T05:00:00.000Z',
  ],
  [
    'in the night in which the clock goes back',
    berlin,
    '2026-10-24T22:00:00Z',
    '2026-10-25T06:00:00.000Z',
  ],
])('the end of quiet hours %s', (_, hours, at, end) => {
  expect(endOfQuietHours(hours, new Date(at))).toBe(end);
});
