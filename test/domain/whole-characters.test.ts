import fc from 'fast-check';
import { beginning, wholeCharacters } from '../../domain/whole-characters';
import { canonicalJson } from '../../domain/canonical';

test('the beginning of a text has at most the given length and always has a digest', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'é', '😀', '\n') });
  fc.assert(
    fc.property(text, fc.nat(20), (whole, most) => {
      const begun = beginning(whole, most);
      expect(whole.startsWith(begun)).toBe(true);
      expect(begun.length).toBeLessThanOrEqual(most);
      expect(begun.length).toBeGreaterThanOrEqual(Math.min(whole.length, most) - 1);
      expect(() => canonicalJson(begun)).not.toThrow();
    }),
  );
  expect(beginning('ab😀c', 3)).toBe('ab');
  expect(beginning('ab😀c', 4)).toBe('ab😀');
});

test('lone surrogates are replaced and other characters stay', () => {
  expect(wholeCharacters('a😀\ud83d\udd25\ude00b\ud83d')).toBe('a😀🔥\ufffdb\ufffd');
});
