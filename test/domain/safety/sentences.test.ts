import fc from 'fast-check';
import { splitSentences, outlierOdds, selectSentences } from '../../../domain/safety/sentences';

test.each<readonly [string, readonly string[]]>([
  ['One. Two two! Is it three?', ['One.', 'Two two!', 'Is it three?']],
  ['He said "Stop." Then he left', ['He said "Stop."', 'Then he left']],
  ['version 1.2.3 of it', ['version 1.2.3 of it']],
  [' . ', []],
])('splits %j into %j', (text, sentences) => {
  expect(splitSentences(text)).toEqual(sentences);
});

test('limits the length of sentences without losing words', () => {
  fc.assert(
    fc.property(
      fc.array(fc.stringMatching(/^[a-z]{3,40}$/), { minLength: 1, maxLength: 200 }),
      (words) => {
        const sentences = splitSentences(words.join(' '));
        expect(Math.max(...sentences.map(({ length }) => length))).toBeLessThanOrEqual(240);
        expect(sentences.join(' ').split(' ')).toEqual(words);
      },
    ),
  );
});

test('a sentence stands out from different ones, not from similar ones', () => {
  expect(outlierOdds([4, -4, -4])).toBeGreaterThan(outlierOdds([4, 4, 4]));
  expect(outlierOdds([4])).toBe(4);
  expect(outlierOdds([])).toBe(-Infinity);
});

test('selects the worst of many sentences and a sample of the rest', () => {
  const odds = Array.from({ length: 100 }, (_, at) => (at % 10 === 3 ? at : -at));
  const told = selectSentences(odds, (each) => each);
  expect(told).toHaveLength(12);
  expect(told).toEqual(expect.arrayContaining([93, 83, 73, 63, 53, 43]));
  expect(told.filter((each) => each <= 0).some((each) => each < -60)).toBe(true);
  expect(new Set(told).size).toBe(12);
});
