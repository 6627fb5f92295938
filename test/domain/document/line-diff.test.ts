import { changedLines } from '../../../domain/document/line-diff';

describe('the changed lines of a text', () => {
  const numbers = Array.from({ length: 12 }, (_, index) => `line ${index}`);

  test('have their neighbours, and leave out the rest', () => {
    const after = numbers.with(6, 'late AS feature');
    expect(changedLines(numbers.join('\n'), after.join('\n'))).toEqual([
      '  line 4',
      '  line 5',
      '- line 6',
      '+ late AS feature',
      '  line 7',
      '  line 8',
      '…',
    ]);
  });

  test('are none for equal texts', () => {
    expect(changedLines('a\nb', 'a\nb')).toEqual([]);
  });

  test('of a new file are all of its lines', () => {
    expect(changedLines('', 'a\nb')).toEqual(['-', '+ a', '+ b']);
  });
});
