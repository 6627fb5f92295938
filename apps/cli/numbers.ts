import { InvalidArgumentError } from 'commander';

/**
 * For options and arguments: any other value than a whole number in the range is a usage error
 * before any request.
 */
export function wholeNumber(min: number, max = 1_000_000): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isInteger(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
  };
}

/** An amount, such as one of money, that may have a fraction. */
export function amount(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError('Expected a number, 0 or more.');
}

/** A share, such as a score. */
export function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError('Expected a number from 0 to 1.');
}

/** A version number, also written as `@3`. */
export function versionNumber(text: string): number {
  return wholeNumber(1)(text.replace(/^@/, ''));
}
