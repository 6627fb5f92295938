import fc from 'fast-check';
import { versionBefore, rollbackPath, type PointerMove } from '../../../domain/model/rollback-path';

const forward = (to: number): PointerMove => ({ kind: 'forward', to });
const back = (to: number): PointerMove => ({ kind: 'back', to });

describe('the target of a rollback', () => {
  test.each<[string, readonly PointerMove[], readonly number[]]>([
    ['nothing moved', [], []],
    ['one promotion', [forward(1)], [1]],
    ['two promotions', [forward(1), forward(2)], [1, 2]],
    ['a rollback leaves the bad version for good', [forward(1), forward(2), back(1)], [1]],
    ['a promotion after a rollback', [forward(1), forward(2), back(1), forward(3)], [1, 3]],
    ['a version that was promoted twice', [forward(1), forward(2), forward(1)], [1, 2, 1]],
    [
      'back over a version that was promoted twice',
      [forward(1), forward(2), forward(1), back(2), back(1)],
      [1],
    ],
    ['back by number over several', [forward(1), forward(2), forward(3), back(1)], [1]],
    [
      'back by number to a version that a rollback left',
      [forward(1), forward(2), back(1), back(2)],
      [1, 2],
    ],
    ['a promotion that was undone', [forward(1), forward(2), { kind: 'undo' }], [1]],
    ['the first promotion undone', [forward(1), { kind: 'undo' }], []],
  ])('%s', (_, moves, way) => {
    expect(rollbackPath(moves)).toEqual(way);
  });

  test('skips unusable versions, but counts rollbacks to them', () => {
    const moves = [forward(1), forward(2), forward(3), back(2), forward(4)];
    expect(versionBefore(moves, (version) => version !== 2)).toBe(1);
    expect(versionBefore(moves, () => false)).toBeNull();
  });

  test('repeated rollbacks end and never return to a version that a rollback left', () => {
    const forwards = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 30 });
    fc.assert(
      fc.property(forwards, (versions) => {
        const moves: PointerMove[] = versions.map(forward);
        const reached: number[] = [...rollbackPath(moves)];
        for (let to = versionBefore(moves); to !== null; to = versionBefore(moves)) {
          moves.push(back(to));
          const now = rollbackPath(moves);
          expect(now.length).toBeLessThan(reached.length);
          expect(now.at(-1)).toBe(to);
          reached.splice(0, reached.length, ...now);
        }
        expect(reached.length).toBeLessThanOrEqual(1);
      }),
    );
  });
});
