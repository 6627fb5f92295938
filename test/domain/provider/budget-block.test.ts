import fc from 'fast-check';
import { nextBlock } from '../../../domain/provider/budget-block';

describe('a block of a budget', () => {
  test.each([
    [
      'the wanted amount',
      { limit: 1000, spent: 0, reserved: 0 },
      { held: 0, need: 10, wanted: 100 },
      100,
      null,
    ],
    [
      'the wanted amount in addition to requests in progress',
      { limit: 1000, spent: 0, reserved: 0 },
      { held: 30, need: 10, wanted: 100 },
      130,
      null,
    ],
    [
      'at most a quarter of the rest of the budget',
      { limit: 100, spent: 0, reserved: 0 },
      { held: 0, need: 10, wanted: 100 },
      25,
      null,
    ],
    [
      'at least what the next request needs',
      { limit: 100, spent: 40, reserved: 40 },
      { held: 0, need: 20, wanted: 100 },
      20,
      null,
    ],
    [
      'only requests in progress if none waits',
      { limit: 100, spent: 0, reserved: 0 },
      { held: 7, need: 0, wanted: 0 },
      7,
      null,
    ],
    [
      'nothing for a request that exceeds the rest of the budget',
      { limit: 100, spent: 90, reserved: 0 },
      { held: 0, need: 11, wanted: 20 },
      0,
      'spent',
    ],
    [
      'nothing while others have reserved the rest',
      { limit: 100, spent: 50, reserved: 45 },
      { held: 0, need: 10, wanted: 20 },
      0,
      'held',
    ],
    [
      'the rest of the previous block, even if others have reserved the remaining budget',
      { limit: 100, spent: 0, reserved: 40 },
      { held: 10, kept: 45, need: 0, wanted: 0 },
      55,
      null,
    ],
    [
      'no less than before for a refused request',
      { limit: 100, spent: 50, reserved: 20 },
      { held: 5, kept: 20, need: 30, wanted: 60 },
      25,
      'held',
    ],
    [
      'requests in progress, even if the limit was lowered',
      { limit: 10, spent: 50, reserved: 0 },
      { held: 30, need: 0, wanted: 5 },
      30,
      null,
    ],
  ] as const)('is %s', (_, budget, asked, granted, refused) => {
    expect(nextBlock(budget, { kept: 0, ...asked })).toEqual({ granted, refused });
  });

  test('never exceeds the limit, and always covers requests in progress', () => {
    const amount = fc.nat({ max: 1000 });
    fc.assert(
      fc.property(
        amount,
        amount,
        amount,
        amount,
        amount,
        amount,
        amount,
        (limit, spent, reserved, held, kept, need, wanted) => {
          const { granted, refused } = nextBlock(
            { limit, spent, reserved },
            { held, kept, need, wanted },
          );
          expect(granted).toBeGreaterThanOrEqual(held + kept);
          if (granted > held + kept) expect(spent + reserved + granted).toBeLessThanOrEqual(limit);
          if (refused === null) expect(granted).toBeGreaterThanOrEqual(held + need);
          else expect(granted).toBe(held + kept);
        },
      ),
    );
  });
});
