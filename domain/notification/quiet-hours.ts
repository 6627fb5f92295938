import type { QuietHours } from './notification';

const minuteMs = 60_000;
/** A day that a change of daylight saving time makes longer, and an hour more. */
const maxMinutes = 26 * 60;

/** When these quiet hours end, as RFC 3339; null at other times. */
export function endOfQuietHours(hours: QuietHours, at: Date): string | null {
  const isQuiet = quietTest(hours);
  if (!isQuiet(at)) return null;
  const wholeMinute = Math.floor(at.getTime() / minuteMs) * minuteMs;
  // Minute by minute, because daylight saving time may move the end by an hour.
  for (let ahead = 1; ahead <= maxMinutes; ahead += 1) {
    const then = new Date(wholeMinute + ahead * minuteMs);
    if (!isQuiet(then)) return then.toISOString();
  }
  return null;
}

function quietTest({ from, until, timezone }: QuietHours): (at: Date) => boolean {
  const clock = new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const [start, end] = [parseClock(from), parseClock(until)];
  return (at) => {
    const now = parseClock(clock.format(at));
    return start < end ? now >= start && now < end : now >= start || now < end;
  };
}

function parseClock(clock: string): number {
  const [hours, minutes] = clock.split(':');
  return Number(hours) * 60 + Number(minutes);
}
