import { nearest } from '../../../domain/document/nearest';

const keys = [
  'sources',
  'assemble',
  'features',
  'label',
  'time',
  'entity',
  'split',
  'contract',
  'limits',
  'window',
  'num_leaves',
];

describe('the nearest key', () => {
  test.each([
    ['soruces', 'sources'],
    ['source', 'sources'],
    ['feature', 'features'],
    ['Time', 'time'],
    ['tiem', 'time'],
    ['numLeaves', 'num_leaves'],
    ['splitt', 'split'],
    ['windw', 'window'],
    ['zebra', null],
    ['x', null],
    ['', null],
  ])('%j → %j', (word, expected) => {
    expect(nearest(word, keys)).toBe(expected);
  });

  test('of no candidates is null', () => {
    expect(nearest('time', [])).toBeNull();
  });

  test('of two equally near ones is the first', () => {
    expect(nearest('abcx', ['abca', 'abcb'])).toBe('abca');
  });
});
