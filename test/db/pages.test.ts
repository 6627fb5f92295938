import { afterKey, rowsToAsk, toPage } from '../../db/page';

describe('pages', () => {
  test('a token continues after the last row of the page', () => {
    const page = toPage(
      ['a', 'b', 'c'],
      { pageSize: 2 },
      (row) => row,
      (row) => row,
    );
    expect(page.items).toEqual(['a', 'b']);
    expect(afterKey({ pageSize: 2, pageToken: page.nextPageToken ?? '' })).toBe('b');
  });

  test('the last page has no token', () => {
    expect(
      toPage(
        ['a', 'b'],
        { pageSize: 2 },
        (row) => row,
        (row) => row,
      ).nextPageToken,
    ).toBeNull();
  });

  test.each(['', 'not a token', Buffer.from('{"a":1}').toString('base64url'), '%%%'])(
    'refuses the token %j',
    (pageToken) => {
      expect(() => afterKey({ pageSize: 1, pageToken })).toThrow(
        expect.objectContaining({ type: 'InvalidInput' }) as Error,
      );
    },
  );

  test.each([0, -1, 1001, 1.5, Number.NaN])('refuses a page of %p rows', (pageSize) => {
    expect(() => rowsToAsk({ pageSize })).toThrow(
      expect.objectContaining({ type: 'InvalidInput' }) as Error,
    );
  });
});
