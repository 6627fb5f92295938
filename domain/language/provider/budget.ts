import type { BudgetRef } from '../../budget/budget';

export const ofProvider = 'provider/';

/**
 * Of these what pays a request to the provider: whoever may ask several has the limits of each, and
 * an answer of one is not another's to pay.
 */
export function budgetsFor<T extends BudgetRef>(
  provider: string,
  budgets: readonly T[],
): readonly T[] {
  return budgets.filter(
    ({ scope }) => !scope.startsWith(ofProvider) || scope === `${ofProvider}${provider}`,
  );
}
