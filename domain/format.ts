/**
 * Numbers for people: at most three significant digits, `−` as the minus sign. JSON and stored
 * figures keep all their digits and are never formatted by these functions.
 */

/** Made once: making one takes longer than the rest of a decision. */
const grouped = new Intl.NumberFormat('en-US');

/** A whole number in full, with thousands separators: `26,639`. */
export function count(n: number): string {
  return withMinus(grouped.format(n));
}

/** A measured value: three significant digits, or all digits before the point. */
export function figure(value: number | null): string {
  if (value === null) return 'unbounded';
  // What rounding made of a zero.
  if (Math.abs(value) < 1e-12) return '0';
  const rounded = Number(value.toPrecision(3));
  return Math.abs(rounded) >= 1000 ? count(Math.round(value)) : plain(rounded);
}

/** A limit that a person configured, with all its digits. */
export function plain(value: number): string {
  return withMinus(String(value));
}

/** A difference, with its sign: `+0.0004`, `−0.0022`. */
export function formatSigned(value: number | null): string {
  if (value === null) return 'unbounded';
  // Differences far below every margin would print digits that only rounding made.
  if (Math.abs(value) < 5e-7) return '0';
  return value > 0 ? `+${figure(value)}` : figure(value);
}

/**
 * A share as a percentage: `12.3 %`. Above 99 % it keeps two digits of what is missing, so that a
 * confidence of 0.99993 is not `100 %`.
 */
export function percent(share: number): string {
  const of = 100 * share;
  const digits = of > 99 && of < 100 ? 1 - Math.floor(Math.log10(100 - of)) : null;
  return `${plain(Number(digits === null ? of.toPrecision(3) : of.toFixed(digits)))} %`;
}

/** Both ends of an interval, each shown as `show` does: `−0.0022 … +0.0031`. */
export function interval(
  { lower, upper }: { readonly lower: number | null; readonly upper: number | null },
  show: (bound: number | null) => string = formatSigned,
): string {
  return `${show(lower)} … ${show(upper)}`;
}

function withMinus(digits: string): string {
  return digits.replace(/^-/, '−');
}
