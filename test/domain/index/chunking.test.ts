import fc from 'fast-check';
import { chunkText, countTokens, type ChunkingPlan } from '../../../domain/index/chunking';

const one = () => 1;
const texts = (text: string, plan: ChunkingPlan) =>
  chunkText(text, plan, one).map((chunk) => chunk.text);
const words = (text: string) => text.match(/[A-Za-z0-9]+|[日本]/g) ?? [];

describe('chunking', () => {
  test('windows of tokens overlap by the given number', () => {
    expect(texts('a b c d e f g', { kind: 'tokens', size: 4, overlap: 1 })).toEqual([
      'a b c d',
      'd e f g',
    ]);
    expect(texts('a b c d e', { kind: 'tokens', size: 2, overlap: 0 })).toEqual([
      'a b',
      'c d',
      'e',
    ]);
  });

  test('keeps sentences whole, and ignores initials, titles and decimals', () => {
    const text = 'Dr. Fleming saw J. S. Bach at 3.5 m. He was glad. Was he? Yes!';
    expect(texts(text, { kind: 'sentences', size: 16, overlap: 0 })[0]).toBe(
      'Dr. Fleming saw J. S. Bach at 3.5 m.',
    );
  });

  test('repeats the last sentence in the next chunk with overlap', () => {
    const chunks = texts('One two three. Four five six. Seven eight nine.', {
      kind: 'sentences',
      size: 8,
      overlap: 1,
    });
    expect(chunks).toEqual(['One two three. Four five six.', 'Four five six. Seven eight nine.']);
  });

  test('does not join paragraphs across a heading, and stores the heading', () => {
    const text = 'Before.\n\n# Whales\n\nBig.\n\nBlue.\n\n== Ships ==\nIron.\n';
    expect(
      chunkText(text, { kind: 'paragraphs', size: 50 }, one).map(({ heading, text: chunk }) => [
        heading,
        chunk,
      ]),
    ).toEqual([
      [null, 'Before.'],
      ['Whales', 'Big.\n\nBlue.'],
      ['Ships', 'Iron.'],
    ]);
  });

  test.each([
    [
      'counts toward the size of each chunk',
      'Blue whales',
      ['Aa bb cc.', 'Dd ee.', 'Ff gg.'],
      'Blue whales',
    ],
    [
      'is embedded up to half of the size',
      'Blue whales of all seas',
      ['Aa bb cc', '.', 'Dd ee.', 'Ff gg.'],
      'Blue whales of',
    ],
    [
      'is not embedded if one word exceeds half of the size',
      'Bluewhalesss',
      ['Aa bb cc.', 'Dd ee.', 'Ff gg.'],
      '',
    ],
  ])('a heading %s', (_what, heading, expected, embedded) => {
    const plan: ChunkingPlan = { kind: 'paragraphs', size: 6 };
    const countWordTokens = (word: string) => (word.length > 10 ? 4 : 1);
    const chunks = chunkText(`# ${heading}\n\nAa bb cc. Dd ee.\n\nFf gg.\n`, plan, countWordTokens);
    expect(chunks.map(({ text }) => text)).toEqual(expected);
    expect(
      new Set(chunks.map((chunk) => [chunk.heading, chunk.embeddedHeading].join('|'))),
    ).toEqual(new Set([`${heading}|${embedded}`]));
  });

  test('heading and text together never exceed the size', () => {
    const word = fc.constantFrom('Aa', 'bb.', 'cc', '日', '3.5', '\n\n', '\n# ', '\n== T ==\n');
    fc.assert(
      fc.property(
        fc.array(word, { maxLength: 120 }),
        fc.integer({ min: 16, max: 40 }),
        (words, size) => {
          for (const { embeddedHeading, text } of chunkText(
            words.join(' '),
            { kind: 'paragraphs', size },
            one,
          ))
            expect(countTokens(`${embeddedHeading ?? ''}\n${text}`, one)).toBeLessThanOrEqual(size);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('splits large paragraphs after sentences, and large sentences between words', () => {
    expect(texts('Aa bb cc. Dd ee ff gg hh ii jj.', { kind: 'paragraphs', size: 4 })).toEqual([
      'Aa bb cc.',
      'Dd ee ff gg',
      'hh ii jj.',
    ]);
    expect(
      chunkText(
        'x'.repeat(250),
        { kind: 'tokens', size: 1, overlap: 0 },
        (word) => word.length,
      ).map(({ text }) => text.length),
    ).toEqual([100, 100, 50]);
  });

  test.each<ChunkingPlan>([
    { kind: 'tokens', size: 16, overlap: 5 },
    { kind: 'sentences', size: 16, overlap: 1 },
    { kind: 'paragraphs', size: 16 },
  ])('by $kind has every word in a chunk, within the size, with correct offsets', (plan) => {
    const piece = fc.oneof(
      fc.constantFrom('. ', '\n\n', '\n# T\n', ' ', '! ', '日本'),
      fc.string({ maxLength: 12 }),
      fc.constantFrom('Aa', 'bb', '3.5'),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 80 }), (pieces) => {
        const text = pieces.join('');
        const chunks = chunkText(text, plan, one);
        for (const chunk of chunks) {
          expect(text.slice(chunk.start, chunk.end)).toBe(chunk.text);
          expect(
            chunkText(chunk.text, { kind: 'tokens', size: 16, overlap: 0 }, one).length,
          ).toBeLessThanOrEqual(1);
        }
        const said = new Set(
          chunks.flatMap(({ text: chunk, heading }) => [...words(chunk), ...words(heading ?? '')]),
        );
        for (const each of words(text)) expect(said).toContain(each);
        expect(chunks.map(({ ordinal }) => ordinal)).toEqual(chunks.map((_, index) => index));
      }),
      { numRuns: 150 },
    );
  });
});
