import { table, wrapText } from '../../../apps/cli/terminal';

describe('a table', () => {
  test('is aligned if cells have wide characters, emoji or combining marks', () => {
    const rows = [
      ['東京', '1'],
      ['🚀 go', '2'],
      ['cafe\u0301', '3'],
      ['plain', '4'],
    ];
    expect(table(['NAME', 'N'], rows).split('\n')).toEqual([
      'NAME   N',
      '東京   1',
      '🚀 go  2',
      'cafe\u0301   3',
      'plain  4',
    ]);
  });
});

test('a text of wide characters is wrapped at the width of the terminal', () => {
  expect(wrapText('東京 大阪 京都', { columns: 9, indent: '' })).toEqual(['東京 大阪', '京都']);
});
