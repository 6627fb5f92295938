import { nextBlock, type BlockReport, type BlockGrant } from '../../domain/provider/budget-block';
import type { Transaction } from '../connection';
import type { budgetReservations } from './schema';
import { expireReservations, lockBudget } from './reservation';

type ReservationRow = typeof budgetReservations.$inferSelect;

/**
 * Adds what a holder spent to the budget and grants its next block, in one row per holder. After a
 * crash the lease ends the block, and a repeated report of the same total adds nothing. A report
 * after the end of the lease replaces the assumed amount. If retention deleted the settled row,
 * counting continues from `told`, the total reported last.
 */
export async function accountBlock(tx: Transaction, account: BlockReport): Promise<BlockGrant> {
  const { tenant, holder, scope, unit, held, leaseMs } = account;
  const budget = await lockBudget(tx, tenant, account);
  const [row] = await tx<ReservationRow[]>`
    select * from budget_reservations
    where tenant_id = ${tenant} and holder = ${holder} and scope = ${scope} and unit = ${unit} for update`;
  const newly = Math.max(0, account.spent - (row?.accounted ?? account.told));
  const [wasReserved, wasAssumed] = [
    row?.state === 'open' ? row.amount : 0,
    row?.state === 'assumed' ? row.spent : 0,
  ];
  const spent = budget.spent + newly - wasAssumed;
  let others = budget.reserved - wasReserved;
  let assumed = budget.assumed - wasAssumed;
  let lost = 0;
  // A block whose lease was ended by others has nothing left to keep.
  const asked = {
    ...account,
    kept:
      row?.state === 'open' ? Math.max(0, Math.min(account.kept, row.amount - newly - held)) : 0,
  };
  let block = nextBlock({ ...budget, spent, reserved: others }, asked);
  if (block.refused === 'held') {
    const expired = await expireReservations(tx, tenant, account, holder);
    others -= expired.reserved;
    lost = expired.spent;
    assumed += lost;
    block = nextBlock({ ...budget, spent: spent + lost, reserved: others }, asked);
  }
  const open = block.granted > 0;
  const accounted = Math.max(account.spent, row?.accounted ?? 0);
  await tx`
    insert into budget_reservations (tenant_id, holder, scope, unit, amount, in_use, accounted, state, spent, expires_at)
    values (${tenant}, ${holder}, ${scope}, ${unit}, ${block.granted}, ${held}, ${accounted}, ${open ? 'open' : 'settled'},
      ${open ? 0 : accounted}, now() + ${leaseMs} * interval '1 millisecond')
    on conflict on constraint budget_reservations_pk do update set
      amount = excluded.amount, in_use = excluded.in_use, accounted = excluded.accounted, state = excluded.state,
      spent = excluded.spent, expires_at = excluded.expires_at`;
  const after = { ...budget, spent: spent + lost, reserved: others + block.granted, assumed };
  await tx`
    update budgets set spent = ${after.spent}, reserved = ${after.reserved}, assumed = ${after.assumed}
    where tenant_id = ${tenant} and scope = ${scope} and unit = ${unit}`;
  return { ...block, budget: after };
}
