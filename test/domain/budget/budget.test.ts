import { formatBudgetAmount, toParts } from '../../../domain/budget/budget';

describe('amounts of a budget', () => {
  test('are whole parts', () => {
    expect(toParts('usd', 0.1) + toParts('usd', 0.2)).toBe(toParts('usd', 0.3));
    expect(toParts('tokens', 1000)).toBe(1000);
    expect(toParts('seconds', 1.5)).toBe(1500);
  });

  test('are formatted with their unit', () => {
    expect(formatBudgetAmount('usd', toParts('usd', 12.5))).toBe('$12.5000');
    expect(formatBudgetAmount('tokens', 7)).toBe('7 tokens');
    expect(formatBudgetAmount('seconds', 1500)).toBe('1.5 s');
  });
});
