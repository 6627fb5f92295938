import { InvalidArgumentError } from 'commander';

/**
 * For options and arguments: what is no whole number in the range is a usage error before anything
 * is asked of the API.
 */
export function wholeNumber(least: number, most = 1_000_000): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isInteger(value) && value >= least && value <= most)
      return value;
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
  };
}

/** An amount of money or of whatever else comes in parts. */
export function amount(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError('Expected a number, 0 or more.');
}

/** A part of a whole, such as a score. */
export function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError('Expected a number from 0 to 1.');
}

/** A version, also as people write it: `@3`. */
export function versionNumber(text: string): number {
  return wholeNumber(1)(text.replace(/^@/, ''));
}
