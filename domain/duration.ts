/** A whole number and one unit. `m` is minutes, `mo` calendar months. */
export const durationPattern = /^(\d{1,7})(s|m|h|d|mo)$/;

const secondsPer = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/** `30m`, `6h`, `30d`, `6mo`; null for anything else. */
export function parseDuration(text: string): CalendarDuration | null {
  const [, count, unit] = durationPattern.exec(text) ?? [];
  if (count === undefined || unit === undefined) return null;
  if (unit === 'mo') return { months: Number(count), seconds: 0 };
  return { months: 0, seconds: Number(count) * secondsPer[unit as keyof typeof secondsPer] };
}

/** The shortest text that `parseDuration` parses to this duration. */
export function formatDuration(duration: CalendarDuration): string {
  if (duration.months > 0) return `${duration.months}mo`;
  return formatSeconds(duration.seconds);
}

export function formatSeconds(seconds: number): string {
  const unit =
    (['d', 'h', 'm'] as const).find((each) => seconds > 0 && seconds % secondsPer[each] === 0) ??
    's';
  return `${seconds / secondsPer[unit]}${unit}`;
}

/** The valid spelling of `30 days`, `2w`, `1y` or `PT30M`; null for other texts. */
export function suggestDuration(text: string): string | null {
  const [, count, word] = /^p?t?\s*(\d{1,7})\s*([a-z]+)$/i.exec(text.trim()) ?? [];
  if (count === undefined || word === undefined) return null;
  const spelling = spellings.find(({ words }) => words.test(word));
  return spelling ? `${Number(count) * spelling.times}${spelling.unit}` : null;
}

/** The first match counts. A capital `M` may mean months or minutes, so it has no suggestion. */
const spellings = [
  { words: /^s(ec(ond)?s?)?$/i, unit: 's', times: 1 },
  { words: /^(m|min(ute)?s?)$/, unit: 'm', times: 1 },
  { words: /^h((ou)?rs?)?$/i, unit: 'h', times: 1 },
  { words: /^d(ays?)?$/i, unit: 'd', times: 1 },
  { words: /^w(eeks?|ks?)?$/i, unit: 'd', times: 7 },
  { words: /^mo(n(th)?s?)?$/i, unit: 'mo', times: 1 },
  { words: /^(y(ea)?rs?|y)$/i, unit: 'mo', times: 12 },
] as const;

/** `6mo` is six calendar months, `30d` thirty days of 24 h. */
export interface CalendarDuration {
  readonly months: number;
  readonly seconds: number;
}
