import { maxReasonLength, readReason } from '../../../apps/http/reason';

const of = (value: string | undefined) =>
  readReason({ headers: value === undefined ? {} : { 'x-perennial-reason': value } });

describe('the reason of a change', () => {
  test('is decoded, and null without the header', () => {
    expect(of(encodeURIComponent('wir brauchen es: größer'))).toBe('wir brauchen es: größer');
    expect(of('too much spent')).toBe('too much spent');
    expect(of(undefined)).toBeNull();
    expect(of('')).toBeNull();
  });

  test.each([
    ['%'],
    ['%ff'],
    [encodeURIComponent('a\nb')],
    [encodeURIComponent('a\u0000')],
    ['x'.repeat(maxReasonLength + 1)],
  ])('%j is refused with the name of the header', (value) => {
    expect(() => of(value)).toThrow(/x-perennial-reason/);
  });
});
