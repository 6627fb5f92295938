import { z } from 'zod';
import { budgetUnits, type Budget } from '../../../domain/budget/budget';
import { nameField } from '../../../domain/document/field.schema';

const unit = z.enum(['usd', 'tokens']).describe('usd or tokens');
const scope = z
  .union([z.literal('tenant'), z.templateLiteral(['provider/', nameField('name of a provider')])])
  .describe('tenant or provider/<name>');
const amount = z.number().min(0);

export const budgetView = z
  .object({
    scope: z.string(),
    unit: z.enum(['usd', 'tokens', 'seconds', 'cpuHours']),
    limit: amount,
    spent: amount,
    reserved: amount,
    assumed: amount,
  })
  .meta({
    id: 'Budget',
    description:
      'assumed: part of spent whose requests never reported a result, at its maximum; reserved: requests in progress',
  });
export const budgetList = z.object({ items: z.array(budgetView).readonly() });

export const budgetChange = z.strictObject({
  scope,
  unit,
  limit: amount.max(1e12).describe('maximum total amount; the amount already spent is kept'),
});

export type BudgetJson = z.output<typeof budgetView>;

export function budgetToJson({
  scope: of,
  unit: in_,
  limit,
  spent,
  reserved,
  assumed,
}: Budget): BudgetJson {
  const whole = (parts: number): number => parts / budgetUnits[in_];
  return {
    scope: of,
    unit: in_,
    limit: whole(limit),
    spent: whole(spent),
    reserved: whole(reserved),
    assumed: whole(assumed),
  };
}
