import type { BudgetRef } from '../../domain/budget/budget';
import { toParts } from '../../domain/budget/budget';
import type { Tenant } from '../../domain/ids';
import { providerScopePrefix } from '../../domain/provider/budget';
import type { BudgetRepository } from '../../db/budget/repository';

/**
 * The budgets of questions: their own limit, which is set here, the caller's, and the operator's
 * limits for the tenant and its providers. Idempotent; spent amounts stay.
 */
export async function questionBudgets(
  budgets: Pick<BudgetRepository, 'get' | 'set'>,
  given: {
    readonly tenant: Tenant;
    readonly scope: string;
    readonly budgetUsd: number | null;
    readonly others: readonly BudgetRef[];
    readonly providers: readonly string[];
  },
): Promise<readonly BudgetRef[]> {
  const { tenant, scope, budgetUsd, others, providers } = given;
  if (budgetUsd !== null)
    await budgets.set({ tenant, scope, unit: 'usd', limit: toParts('usd', budgetUsd) });
  const own: readonly BudgetRef[] = budgetUsd === null ? [] : [{ scope, unit: 'usd' }];
  return [...own, ...others, ...(await operatorBudgets(budgets, { tenant, providers }))];
}

/** The limits that an operator has set. */
export async function operatorBudgets(
  budgets: Pick<BudgetRepository, 'get'>,
  { tenant, providers }: { readonly tenant: Tenant; readonly providers: readonly string[] },
): Promise<readonly BudgetRef[]> {
  const all = [
    'tenant',
    ...[...new Set(providers)].map((name) => `${providerScopePrefix}${name}`),
  ].flatMap((scope): readonly BudgetRef[] => [
    { scope, unit: 'usd' },
    { scope, unit: 'tokens' },
  ]);
  const known = await Promise.all(all.map((each) => budgets.get({ tenant, ...each })));
  return all.filter((_, index) => known[index] !== null);
}

export function isOperatorBudget({ scope }: BudgetRef): boolean {
  return scope === 'tenant' || scope.startsWith(providerScopePrefix);
}
