import fc from 'fast-check';
import { assignArm } from '../../../../apps/gateway/routing/assignment';

const arms = [
  { name: 'champion', weight: 0.75 },
  { name: 'challenger', weight: 0.25 },
];

describe('assignment of entities to arms', () => {
  test('is sticky', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        (salt, entity) => assignArm(arms, salt, entity) === assignArm(arms, salt, entity),
      ),
    );
  });

  test('follows the weights', () => {
    const names = Array.from(
      { length: 10_000 },
      (_, index) => assignArm(arms, 'flight-delay', `N${index}`)?.name,
    );
    const share = names.filter((name) => name === 'challenger').length / names.length;
    expect(Math.abs(share - 0.25)).toBeLessThan(0.015);
  });

  test('moves no entity away from an arm whose weight grows', () => {
    const grown = [
      { name: 'challenger', weight: 0.5 },
      { name: 'champion', weight: 0.5 },
    ];
    const small = [
      { name: 'challenger', weight: 0.25 },
      { name: 'champion', weight: 0.75 },
    ];
    for (let index = 0; index < 1_000; index += 1) {
      if (assignArm(small, 's', `N${index}`)?.name === 'challenger')
        expect(assignArm(grown, 's', `N${index}`)?.name).toBe('challenger');
    }
  });

  test('a different salt gives a different assignment', () => {
    const moved = Array.from(
      { length: 1_000 },
      (_, index) => assignArm(arms, 'a', `N${index}`) !== assignArm(arms, 'b', `N${index}`),
    ).filter(Boolean);
    expect(moved.length).toBeGreaterThan(200);
  });

  test('an arm with weight 0 gets no entity', () => {
    fc.assert(
      fc.property(
        fc.string(),
        (entity) =>
          assignArm(
            [
              { name: 'shadow', weight: 0 },
              { name: 'champion', weight: 1 },
            ],
            's',
            entity,
          )?.name === 'champion',
      ),
    );
    expect(assignArm([{ name: 'shadow', weight: 0 }], 's', 'N1')).toBeNull();
  });
});
