import { createBytePair } from '../../../domain/index/byte-pair';
import { createWordPiece } from '../../../domain/index/wordpiece';

describe('WordPiece', () => {
  const vocabulary = [
    '[PAD]',
    '[UNK]',
    '[CLS]',
    '[SEP]',
    'un',
    '##aff',
    '##able',
    'cafe',
    ',',
    '日',
    'the',
    '##s',
  ];
  const { encode, measureTokens } = createWordPiece(vocabulary);
  const tokens = (text: string, most = 256) => encode(text, most).map((id) => vocabulary[id]);

  test('takes the longest known piece repeatedly', () => {
    expect(tokens('unaffable')).toEqual(['[CLS]', 'un', '##aff', '##able', '[SEP]']);
    expect(measureTokens('unaffable')).toBe(3);
  });
  test('ignores accents, case and control characters, and separates signs and ideographs', () => {
    expect(tokens('CAFÉs,日\u0007日')).toEqual(['[CLS]', 'cafe', '##s', ',', '日', '日', '[SEP]']);
  });
  test('is unknown for words with an unknown rest or over 100 characters', () => {
    expect(tokens(`unx ${'un'.repeat(60)}`)).toEqual(['[CLS]', '[UNK]', '[UNK]', '[SEP]']);
  });
  test('truncates at the length, with the end token', () => {
    expect(tokens('the the the the', 4)).toEqual(['[CLS]', 'the', 'the', '[SEP]']);
    expect(tokens('')).toEqual(['[CLS]', '[SEP]']);
  });
});

describe('byte-pair encoding', () => {
  const bytes = Object.fromEntries(
    Array.from({ length: 256 }, (_, byte) => [
      `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
      300 + byte,
    ]),
  );
  const vocabulary = { '<unk>': 0, '▁': 1, l: 2, o: 3, w: 4, lo: 5, low: 6, '▁low': 7, ...bytes };
  const { encode, measureTokens } = createBytePair({
    vocabulary,
    merges: ['l o', 'lo w', '▁ low'],
  });

  test('merges by rank, word by word', () => {
    expect(encode('low low')).toEqual([7, 7]);
    expect(encode('wol')).toEqual([1, 4, 3, 2]);
    expect(measureTokens('low')).toBe(1);
  });
  test('encodes unknown tokens as UTF-8 bytes', () => {
    expect(encode('é')).toEqual([1, 300 + 0xc3, 300 + 0xa9]);
    expect(encode('😀').slice(1)).toEqual([0xf0, 0x9f, 0x98, 0x80].map((byte) => 300 + byte));
  });
});
