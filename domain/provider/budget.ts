import type { BudgetRef } from '../budget/budget';

export const providerScopePrefix = 'provider/';

/** The budgets that pay for a request to `provider`: all but those of other providers. */
export function budgetsFor<T extends BudgetRef>(
  provider: string,
  budgets: readonly T[],
): readonly T[] {
  return budgets.filter(
    ({ scope }) =>
      !scope.startsWith(providerScopePrefix) || scope === `${providerScopePrefix}${provider}`,
  );
}
