import type { CostPeriod } from '../cost/compute-budget';
import { defaultTenant, type Tenant } from '../ids';

/** What a tenant may have at once; null is no limit. */
export interface TenantLimits {
  /** Runs that have not ended, including those that wait. */
  readonly maxOpenRuns: number | null;
  /** Lifecycles that are not deleted, including archived ones. */
  readonly maxLifecycles: number | null;
  /** What its jobs may use in one period. */
  readonly maxCpuHours: number | null;
  readonly maxUsd: number | null;
  readonly costPeriod: CostPeriod;
}

export interface TenantRecord {
  readonly name: Tenant;
  readonly createdAt: string;
  /** Null for the tenant that every installation has. */
  readonly createdBy: string | null;
  /** Null unless its keys are refused. */
  readonly suspendedAt: string | null;
  readonly limits: TenantLimits;
}

/** The holders of admin keys of this tenant administer the platform with all its tenants. */
export const platformTenant = defaultTenant;

/**
 * The header with which a key of the platform's own processes names the tenant that it acts for at
 * a gateway.
 */
export const tenantHeader = 'x-perennial-tenant';

/** How the audit log of a tenant names an administrator of the platform, who is none of its own. */
export function platformActor(name: string): string {
  return `platform:${name}`;
}
