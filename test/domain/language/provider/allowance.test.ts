import fc from 'fast-check';
import { blockOf } from '../../../../domain/language/provider/allowance';

describe('a block of a budget', () => {
  test.each([
    [
      'as much as would be good',
      { limit: 1000, spent: 0, reserved: 0 },
      { held: 0, need: 10, wanted: 100 },
      100,
      null,
    ],
    [
      'beside what is under way',
      { limit: 1000, spent: 0, reserved: 0 },
      { held: 30, need: 10, wanted: 100 },
      130,
      null,
    ],
    [
      'a quarter of what is left, for others to have some',
      { limit: 100, spent: 0, reserved: 0 },
      { held: 0, need: 10, wanted: 100 },
      25,
      null,
    ],
    [
      'what the next question needs',
      { limit: 100, spent: 40, reserved: 40 },
      { held: 0, need: 20, wanted: 100 },
      20,
      null,
    ],
    [
      'nothing ahead when none waits',
      { limit: 100, spent: 0, reserved: 0 },
      { held: 7, need: 0, wanted: 0 },
      7,
      null,
    ],
    [
      'nothing for a question that is too large for all that is left',
      { limit: 100, spent: 90, reserved: 0 },
      { held: 0, need: 11, wanted: 20 },
      0,
      'spent',
    ],
    [
      'nothing while others hold the rest',
      { limit: 100, spent: 50, reserved: 45 },
      { held: 0, need: 10, wanted: 20 },
      0,
      'held',
    ],
    [
      'what may be spent meanwhile, though others would like some',
      { limit: 100, spent: 0, reserved: 40 },
      { held: 10, kept: 45, need: 0, wanted: 0 },
      55,
      null,
    ],
    [
      'no less for a question that is refused',
      { limit: 100, spent: 50, reserved: 20 },
      { held: 5, kept: 20, need: 30, wanted: 60 },
      25,
      'held',
    ],
    [
      'what is under way, though the limit was lowered',
      { limit: 10, spent: 50, reserved: 0 },
      { held: 30, need: 0, wanted: 5 },
      30,
      null,
    ],
  ] as const)('is %s', (_, budget, asked, granted, refused) => {
    expect(blockOf(budget, { kept: 0, ...asked })).toEqual({ granted, refused });
  });

  test('never takes the budget over its limit, and never drops what is under way', () => {
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
          const { granted, refused } = blockOf(
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
