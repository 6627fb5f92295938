import fc from 'fast-check';
import { truncateText, replaceLoneSurrogates } from '../../domain/text';
import { canonicalJson } from '../../domain/canonical';

test('the beginning of a text has at most the given length and always has a digest', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'é', '😀', '\n') });
  fc.assert(
    fc.property(text, fc.nat(20), (whole, max) => {
      const begun = truncateText(whole, max);
      expect(whole.startsWith(begun)).toBe(true);
      expect(begun.length).toBeLessThanOrEqual(max);
      expect(begun.length).toBeGreaterThanOrEqual(Math.min(whole.length, max) - 1);
      expect(() => canonicalJson(begun)).not.toThrow();
    }),
  );
  expect(truncateText('ab😀c', 3)).toBe('ab');
  expect(truncateText('ab😀c', 4)).toBe('ab😀');
});

test('lone surrogates are replaced and other characters stay', () => {
  expect(replaceLoneSurrogates('a😀\ud83d\udd25\ude00b\ud83d')).toBe('a😀🔥\ufffdb\ufffd');
});
