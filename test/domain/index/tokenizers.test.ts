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
  const { encode, costOf } = createWordPiece(vocabulary);
  const tokens = (text: string, most = 256) => encode(text, most).map((id) => vocabulary[id]);

  test('takes the longest piece that it knows, again and again', () => {
    expect(tokens('unaffable')).toEqual(['[CLS]', 'un', '##aff', '##able', '[SEP]']);
    expect(costOf('unaffable')).toBe(3);
  });
  test('knows no accents, no case and no control characters, and takes signs and ideographs apart', () => {
    expect(tokens('CAFÉs,日\u0007日')).toEqual(['[CLS]', 'cafe', '##s', ',', '日', '日', '[SEP]']);
  });
  test('a word with an unknown rest is unknown as a whole, and one beyond 100 characters', () => {
    expect(tokens(`unx ${'un'.repeat(60)}`)).toEqual(['[CLS]', '[UNK]', '[UNK]', '[SEP]']);
  });
  test('cuts off at the length, and still ends', () => {
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
  const { encode, costOf } = createBytePair({ vocabulary, merges: ['l o', 'lo w', '▁ low'] });

  test('merges by rank, word by word', () => {
    expect(encode('low low')).toEqual([7, 7]);
    expect(encode('wol')).toEqual([1, 4, 3, 2]);
    expect(costOf('low')).toBe(1);
  });
  test('writes what it does not know as its bytes in UTF-8', () => {
    expect(encode('é')).toEqual([1, 300 + 0xc3, 300 + 0xa9]);
    expect(encode('😀').slice(1)).toEqual([0xf0, 0x9f, 0x98, 0x80].map((byte) => 300 + byte));
  });
});
