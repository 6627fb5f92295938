import { newId, readIdTime } from '../../db/ids';

describe('ids', () => {
  test('sort by creation time as bytes', () => {
    const ids = Array.from({ length: 2000 }, () => newId('run'));
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('contain that time', () => {
    const before = Date.now();
    const time = readIdTime(newId('pred'))?.getTime() ?? 0;
    expect(time).toBeGreaterThanOrEqual(before - 1);
    expect(time).toBeLessThanOrEqual(Date.now() + 1);
  });

  test.each(['', 'pred_', 'pred_zzz', 'pred_9zzzzzzzzzzzzzzzzzzzzzzzzz', '0193-uuid'])(
    'of another form, such as %j, contain none',
    (id) => {
      expect(readIdTime(id)).toBeNull();
    },
  );
});
