import type { TenantLimits, TenantRecord } from '../../domain/access/tenant';
import { platformActor, platformTenant } from '../../domain/access/tenant';
import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import { appendAudit } from '../audit/entry';
import type { Database, Transaction } from '../connection';
import { afterKey, rowsToAsk, toPage, type Page, type PageRequest } from '../page';
import { insertKey } from './repository';
import type { tenants } from '../tenant/schema';

/** The audit log of the platform's tenant has the rows of all changes. */
export interface TenantRepository {
  /**
   * Creates a tenant and its first key, which has the scope `admin`, in one transaction.
   * @throws Conflict for a name that is in use.
   */
  create(input: {
    readonly name: Tenant;
    readonly actor: string;
    readonly keyExpiresAt: string | null;
  }): Promise<{
    readonly tenant: TenantRecord;
    readonly key: { readonly id: string; readonly key: string };
  }>;
  get(name: Tenant): Promise<TenantRecord | null>;
  /** Lists tenants by name. */
  list(page: PageRequest): Promise<Page<TenantRecord>>;
  /** The names of all tenants, for tasks that work on each of them. */
  names(): Promise<readonly Tenant[]>;
  /**
   * Suspends a tenant or ends its suspension. While it is suspended, its keys are refused and no
   * run of it starts; open runs go on. Conflict for the tenant that administers the platform.
   */
  suspend(input: {
    readonly name: Tenant;
    readonly suspended: boolean;
    readonly actor: string;
  }): Promise<TenantRecord>;
  /** Changes the given limits. Open runs and existing lifecycles stay. NotFound without tenant. */
  setLimits(input: {
    readonly name: Tenant;
    readonly limits: Partial<TenantLimits>;
    readonly actor: string;
  }): Promise<TenantRecord>;
}

type TenantRow = typeof tenants.$inferSelect;

export function createTenantRepository({ sql }: Database): TenantRepository {
  return {
    create: ({ name, actor, keyExpiresAt }) =>
      sql.begin(async (tx) => {
        const [row] = await tx<TenantRow[]>`
          insert into tenants (id, created_by) values (${name}, ${actor})
          on conflict do nothing returning *`;
        if (!row)
          throw failure('Conflict', `the tenant ${name} exists`, {
            next: `perennial key create <name> --scope admin --tenant ${name}`,
          });
        const key = await insertKey(tx, {
          tenant: name,
          name: 'admin',
          scope: 'admin',
          actor: platformActor(actor),
          expiresAt: keyExpiresAt,
          isService: false,
        });
        await note(tx, { name, actor, action: 'tenant.create', cause: 'created' });
        return { tenant: toRecord(row), key };
      }),

    async get(name) {
      const [row] = await sql<TenantRow[]>`select * from tenants where id = ${name}`;
      return row ? toRecord(row) : null;
    },

    async list(page) {
      const after = afterKey(page);
      const rows = await sql<TenantRow[]>`
        select * from tenants where ${after === null ? sql`true` : sql`id > ${after}`}
        order by id limit ${rowsToAsk(page)}`;
      return toPage(rows, page, (row) => row.id, toRecord);
    },

    async names() {
      const rows = await sql<Pick<TenantRow, 'id'>[]>`select id from tenants order by id`;
      return rows.map(({ id }) => id);
    },

    suspend: ({ name, suspended, actor }) =>
      sql.begin(async (tx) => {
        if (name === platformTenant)
          throw failure('Conflict', `the tenant ${name} administers the platform`, {
            next: 'revoke single keys: perennial key revoke <id>',
          });
        const before = await lockTenant(tx, name);
        if ((before.suspendedAt !== null) === suspended) return toRecord(before);
        const [row] = await tx<TenantRow[]>`
          update tenants set suspended_at = case when ${suspended} then now() end
          where id = ${name} returning *`;
        if (!row) throw tenantNotFound(name);
        const [action, cause] = suspended
          ? (['tenant.suspend', 'suspended'] as const)
          : (['tenant.resume', 'resumed'] as const);
        await note(tx, { name, actor, action, cause });
        return toRecord(row);
      }),

    setLimits: ({ name, limits, actor }) =>
      sql.begin(async (tx) => {
        const before = toRecord(await lockTenant(tx, name)).limits;
        const after = { ...before, ...limits };
        const [row] = await tx<TenantRow[]>`
          update tenants set max_open_runs = ${after.maxOpenRuns}, max_lifecycles = ${after.maxLifecycles},
            max_cpu_hours = ${after.maxCpuHours}, max_usd = ${after.maxUsd}, cost_period = ${after.costPeriod}
          where id = ${name} returning *`;
        if (!row) throw tenantNotFound(name);
        const cause = 'limits changed';
        await note(tx, { name, actor, action: 'tenant.limits', cause, before, after });
        return toRecord(row);
      }),
  };
}

export function tenantNotFound(name: string): Error {
  return failure('NotFound', `there is no tenant ${name}`, { next: 'perennial tenant list' });
}

/** Rows of other tables refer to the tenant, so a stronger lock would stop their inserts. */
async function lockTenant(tx: Transaction, name: Tenant): Promise<TenantRow> {
  const [row] = await tx<TenantRow[]>`select * from tenants where id = ${name} for no key update`;
  if (!row) throw tenantNotFound(name);
  return row;
}

interface TenantNote {
  readonly name: Tenant;
  readonly actor: string;
  readonly action: string;
  readonly cause: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

async function note(tx: Transaction, { name, ...entry }: TenantNote): Promise<void> {
  await appendAudit(tx, { ...entry, tenant: platformTenant, subject: `tenant:${name}` });
}

function toRecord(row: TenantRow): TenantRecord {
  const { id: name, createdAt, createdBy, suspendedAt } = row;
  const { maxOpenRuns, maxLifecycles, maxCpuHours, maxUsd, costPeriod } = row;
  const limits = { maxOpenRuns, maxLifecycles, maxCpuHours, maxUsd, costPeriod };
  return { name, createdAt, createdBy, suspendedAt, limits };
}
