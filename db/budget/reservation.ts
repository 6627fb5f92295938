import type {
  Budget,
  BudgetAmount,
  BudgetRef,
  ReservationResult,
} from '../../domain/budget/budget';
import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { Columns } from '../columns';
import type { Query, Sql, Transaction } from '../connection';
import type { BudgetRow, budgetReservations } from './schema';

export interface Reservation {
  readonly tenant: Tenant;
  /** Identifies one piece of work that ends once. */
  readonly holder: string;
}

type ReservationRequest = Reservation & {
  readonly amounts: readonly BudgetAmount[];
  readonly leaseMs: number;
};

/**
 * Reserves all amounts or none. Budgets are locked in one fixed order to avoid deadlocks. Call it
 * late in a transaction, because it blocks all others that spend from these budgets.
 */
export async function reserveBudgets(
  tx: Transaction,
  asked: ReservationRequest,
): Promise<ReservationResult> {
  const ordered = inOrder(asked.amounts);
  for (const [place, amount] of ordered.entries()) {
    if (await reserveOne(tx, asked, amount)) continue;
    for (const earlier of ordered.slice(0, place)) await undoReservation(tx, asked, earlier);
    return (await refusal(tx, asked.tenant, amount)) ?? reserveBudgets(tx, asked);
  }
  return { kind: 'reserved' };
}

async function reserveOne(
  tx: Transaction,
  { tenant, holder, leaseMs }: ReservationRequest,
  { scope, unit, amount }: BudgetAmount,
): Promise<boolean> {
  const { count } = await tx`
    with held as (
      update budgets set reserved = reserved + ${amount}
      where tenant_id = ${tenant} and scope = ${scope} and unit = ${unit} and spent + reserved + ${amount} <= "limit" returning 1
    )
    insert into budget_reservations (tenant_id, holder, scope, unit, amount, state, expires_at)
    select ${tenant}::text, ${holder}::text, ${scope}::text, ${unit}::text, ${amount}::bigint, 'open',
      now() + ${leaseMs} * interval '1 millisecond' from held`;
  return count === 1;
}

/** Deletes an open reservation and releases its amount. The caller holds the budget's lock. */
export async function undoReservation(
  tx: Transaction,
  { tenant, holder }: Reservation,
  { scope, unit, amount }: BudgetAmount,
): Promise<void> {
  await tx`
    with gone as (
      delete from budget_reservations where tenant_id = ${tenant} and holder = ${holder} and scope = ${scope} and unit = ${unit}
    )
    update budgets set reserved = reserved - ${amount} where tenant_id = ${tenant} and scope = ${scope} and unit = ${unit}`;
}

/**
 * Records the actual cost, even above the reserved amount. It replaces an assumed cost. A repeated
 * call changes nothing.
 */
export async function settleBudgets(
  tx: Transaction,
  { tenant, holder, spent }: Reservation & { readonly spent: readonly BudgetAmount[] },
): Promise<void> {
  for (const { scope, unit } of await heldBy(tx, tenant, holder)) {
    const amount = spent.find((each) => each.scope === scope && each.unit === unit)?.amount ?? 0;
    await tx`
      with before as (
        select amount, state, spent from budget_reservations
        where tenant_id = ${tenant} and holder = ${holder} and scope = ${scope} and unit = ${unit} and state <> 'settled' for update
      ), after as (
        update budget_reservations set state = 'settled', spent = ${amount} from before
        where tenant_id = ${tenant} and holder = ${holder} and scope = ${scope} and unit = ${unit}
      )
      update budgets b set
        reserved = reserved - case before.state when 'open' then before.amount else 0 end,
        spent = b.spent - before.spent + ${amount},
        assumed = assumed - before.spent
      from before where b.tenant_id = ${tenant} and b.scope = ${scope} and b.unit = ${unit}`;
  }
}

/** Counts all that is reserved as spent until a settlement reports the actual cost. */
export async function assumeBudgets(
  tx: Transaction,
  { tenant, holder }: Reservation,
): Promise<void> {
  for (const { scope, unit } of await heldBy(tx, tenant, holder)) {
    await tx`
      with assumed as (
        update budget_reservations set state = 'assumed', spent = amount
        where tenant_id = ${tenant} and holder = ${holder} and scope = ${scope} and unit = ${unit} and state = 'open' returning amount
      )
      update budgets b set reserved = reserved - a.amount, spent = spent + a.amount, assumed = assumed + a.amount
      from assumed a where b.tenant_id = ${tenant} and b.scope = ${scope} and b.unit = ${unit}`;
  }
}

async function refusal(
  tx: Transaction,
  tenant: Tenant,
  asked: BudgetAmount,
): Promise<Exclude<ReservationResult, { kind: 'reserved' }> | null> {
  const { amount } = asked;
  const locked = await lockBudget(tx, tenant, asked);
  if (locked.spent + amount > locked.limit) return { kind: 'spent', budget: locked, asked: amount };
  if (locked.spent + locked.reserved + amount <= locked.limit) return null;
  if (!(await assumeExpired(tx, tenant, asked)))
    return { kind: 'held', budget: locked, asked: amount };
  return refusal(tx, tenant, asked);
}

/**
 * Ends the expired reservations of all budgets. Without this, those of an unused budget would be
 * reported as reserved for ever. Each budget has its own short transaction.
 */
export async function assumeAllExpired(sql: Sql): Promise<void> {
  const dead = await sql<Pick<BudgetRow, 'tenantId' | 'scope' | 'unit'>[]>`
    select distinct tenant_id, scope, unit from budget_reservations where state = 'open' and expires_at < now()`;
  for (const { tenantId, ...budget } of dead) {
    await sql.begin(async (tx) => {
      const { tenant } = await lockBudget(tx, tenantId, budget);
      await assumeExpired(tx, tenant, budget);
    });
  }
}

/** Ends expired reservations of a locked budget. Returns whether there were any. */
async function assumeExpired(
  tx: Transaction,
  tenant: Tenant,
  { scope, unit }: BudgetRef,
): Promise<boolean> {
  const { reserved, spent } = await expireReservations(tx, tenant, { scope, unit });
  if (reserved === 0) return false;
  await tx`
    update budgets set reserved = reserved - ${reserved}, spent = spent + ${spent}, assumed = assumed + ${spent}
    where tenant_id = ${tenant} and scope = ${scope} and unit = ${unit}`;
  return true;
}

/**
 * Marks expired reservations as assumed. The caller holds the lock of the budget and must update
 * its sums.
 */
export async function expireReservations(
  tx: Transaction,
  tenant: Tenant,
  { scope, unit }: BudgetRef,
  exceptHolder = '',
): Promise<{ readonly reserved: number; readonly spent: number }> {
  const expired = await tx<Columns<typeof budgetReservations, 'amount' | 'spent'>[]>`
    update budget_reservations set state = 'assumed', spent = coalesce(in_use, amount)
    where (tenant_id, holder, scope, unit) in (
      select tenant_id, holder, scope, unit from budget_reservations
      where tenant_id = ${tenant} and scope = ${scope} and unit = ${unit} and state = 'open' and expires_at < now()
        and holder <> ${exceptHolder}
      -- Skip rows that a concurrent settlement holds: it waits for the lock of this budget.
      for update skip locked
    ) returning amount, spent`;
  return expired.reduce(
    (sum, each) => ({ reserved: sum.reserved + each.amount, spent: sum.spent + each.spent }),
    {
      reserved: 0,
      spent: 0,
    },
  );
}

export async function lockBudget(
  tx: Transaction,
  tenant: Tenant,
  { scope, unit }: BudgetRef,
): Promise<Budget> {
  const [row] = await tx<BudgetRow[]>`
    select * from budgets where tenant_id = ${tenant} and scope = ${scope} and unit = ${unit} for update`;
  if (!row) throw failure('NotFound', `there is no budget of ${unit} for ${scope}`);
  return toBudget(row);
}

/** Sorted like `inOrder`, so that locks are taken in one order. */
async function heldBy(
  sql: Query,
  tenant: Tenant,
  holder: string,
): Promise<readonly Pick<BudgetRow, 'scope' | 'unit'>[]> {
  return sql<Pick<BudgetRow, 'scope' | 'unit'>[]>`
    select scope, unit from budget_reservations where tenant_id = ${tenant} and holder = ${holder} and state <> 'settled'
    order by scope, unit collate "C"`;
}

function inOrder(amounts: readonly BudgetAmount[]): readonly BudgetAmount[] {
  const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  return [...amounts].sort((a, b) => compare(a.scope, b.scope) || compare(a.unit, b.unit));
}

export function toBudget({
  tenantId,
  scope,
  unit,
  limit,
  reserved,
  spent,
  assumed,
}: BudgetRow): Budget {
  return { tenant: tenantId, scope, unit, limit, reserved, spent, assumed };
}
