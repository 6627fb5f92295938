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

describe('the nearest right key', () => {
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

  test('of nothing is nothing', () => {
    expect(nearest('time', [])).toBeNull();
  });

  test('of two equally near ones the first counts', () => {
    expect(nearest('abcx', ['abca', 'abcb'])).toBe('abca');
  });
});
