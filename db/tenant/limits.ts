/** The limits of tenants, where they are enforced. */
import type { TenantLimits } from '../../domain/access/tenant';
import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { Transaction } from '../connection';
import type { tenants } from './schema';

type LimitName = keyof Pick<TenantLimits, 'maxOpenRuns' | 'maxLifecycles'>;
type LimitedTenant = Pick<typeof tenants.$inferSelect, LimitName>;

/**
 * Call it before a run is inserted. If there is a limit, this transaction keeps the tenant's row
 * locked, so that two starts never take the last place together.
 * @throws TenantLimit when so many runs are open, or when the tenant is suspended.
 */
export async function refuseRunAboveLimit(tx: Transaction, tenant: Tenant): Promise<void> {
  const [suspended] = await tx`
    select from tenants where id = ${tenant} and suspended_at is not null`;
  if (suspended)
    throw failure('TenantLimit', `the tenant ${tenant} is suspended`, {
      next: `ask an administrator of the platform: perennial tenant resume ${tenant}`,
    });
  const limit = await lockedLimit(tx, tenant, 'maxOpenRuns');
  if (limit === null) return;
  const [open] = await tx<{ count: number }[]>`
    select count(*)::int as count from runs
    where tenant_id = ${tenant} and status not in ('succeeded', 'stopped', 'failed', 'cancelled', 'lost')`;
  if ((open?.count ?? 0) < limit) return;
  throw failure(
    'TenantLimit',
    `the tenant ${tenant} has ${open?.count ?? 0} open runs, and its limit is ${limit}`,
    { next: 'start the run again when one has ended; perennial run list' },
  );
}

/**
 * Call it before a lifecycle is inserted. It does nothing for a lifecycle that exists.
 * @throws TenantLimit when the tenant has so many lifecycles.
 */
export async function refuseLifecycleAboveLimit(
  tx: Transaction,
  { tenant, lifecycle }: { readonly tenant: Tenant; readonly lifecycle: string },
): Promise<void> {
  const [existing] = await tx`
    select from lifecycles where tenant_id = ${tenant} and name = ${lifecycle} and deleted_at is null`;
  if (existing) return;
  const limit = await lockedLimit(tx, tenant, 'maxLifecycles');
  if (limit === null) return;
  const [kept] = await tx<{ count: number }[]>`
    select count(*)::int as count from lifecycles
    where tenant_id = ${tenant} and name <> ${lifecycle} and deleted_at is null`;
  if ((kept?.count ?? 0) < limit) return;
  throw failure(
    'TenantLimit',
    `the tenant ${tenant} has ${kept?.count ?? 0} lifecycles, and its limit is ${limit}`,
    { next: 'delete one: perennial lifecycle delete <lifecycle> --yes --reason "<why>"' },
  );
}

/**
 * Null without a limit; the row is not locked then. Rows of other tables refer to the tenant, so a
 * stronger lock would stop their inserts.
 */
async function lockedLimit(
  tx: Transaction,
  tenant: Tenant,
  limit: LimitName,
): Promise<number | null> {
  const [seen] = await tx<LimitedTenant[]>`select * from tenants where id = ${tenant}`;
  if ((seen?.[limit] ?? null) === null) return null;
  const [row] = await tx<
    LimitedTenant[]
  >`select * from tenants where id = ${tenant} for no key update`;
  return row?.[limit] ?? null;
}
