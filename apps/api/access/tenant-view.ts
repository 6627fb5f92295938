import { z } from 'zod';
import { costPeriods } from '../../../domain/cost/compute-budget';
import type { TenantRecord } from '../../../domain/access/tenant';
import { instant, name } from '../fields';
import { createdKey } from './view';

const limit = z.number().int().min(0).max(1_000_000).nullable();
const openRuns = 'most runs that have not ended, including waiting ones; null: no limit';
const cpuHours = 'CPU-hours that jobs may use in one period, above 0; null: no limit';
const usd = 'US dollars that jobs may cost in one period, above 0; null: no limit';
const period = 'the period of maxCpuHours and maxUsd, in UTC: day or month';
const amount = z.number().gt(0).max(1_000_000).nullable();
const lifecycles = 'most lifecycles that are not deleted, including archived ones; null: no limit';

export const tenantLimitsView = z
  .object({
    maxOpenRuns: limit.describe(openRuns),
    maxLifecycles: limit.describe(lifecycles),
    maxCpuHours: amount.describe(cpuHours),
    maxUsd: amount.describe(usd),
    costPeriod: z.enum(costPeriods).describe(period),
  })
  .meta({ id: 'TenantLimits' });

export const tenantView = z
  .object({
    name: z.string(),
    createdAt: instant,
    createdBy: z.string().nullable().describe('null for the tenant default'),
    suspendedAt: instant.nullable().describe('null unless the tenant is suspended'),
    limits: tenantLimitsView,
  })
  .meta({ id: 'Tenant' });

export const createdTenant = z
  .object({ tenant: tenantView, key: createdKey.describe('the first key; its scope is admin') })
  .meta({ id: 'CreatedTenant' });

export const newTenant = z.strictObject({ name });

export const tenantLimitsChange = z
  .strictObject({
    maxOpenRuns: limit.optional().describe(openRuns),
    maxLifecycles: limit.optional().describe(lifecycles),
    maxCpuHours: amount.optional().describe(cpuHours),
    maxUsd: amount.optional().describe(usd),
    costPeriod: z.enum(costPeriods).optional().describe(period),
  })
  .describe('limits that are not named stay as they are');

export type TenantJson = z.output<typeof tenantView>;

export function tenantToJson({
  name: of,
  createdAt,
  createdBy,
  suspendedAt,
  limits,
}: TenantRecord): TenantJson {
  return { name: of, createdAt, createdBy, suspendedAt, limits };
}
