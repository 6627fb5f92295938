import {
  nextBlock,
  type BlockReport,
  type BlockGrant,
} from '../../domain/language/provider/budget-block';
import type { Transaction } from '../connection';
import type { budgetReservations } from './schema';
import { expireReservations, lockBudget } from './reservation';

type ReservationRow = typeof budgetReservations.$inferSelect;

/**
 * One row a holder: what was spent goes to the budget, and the row becomes the next block. Died
 * before: the lease ends it. After, or twice: the same total adds nothing. Late, when the lease is
 * over: what was counted for it as spent is put right by what really was. Its row may be gone once
 * it is settled (retention): then it goes on from what it knows to be told.
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
  // Of a block whose lease others have ended nothing is left to keep.
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
