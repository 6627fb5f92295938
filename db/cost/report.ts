import { budgetUnits } from '../../domain/budget/budget';
import type { CostGroup } from '../../domain/cost/report';
import type { Tenant } from '../../domain/ids';
import type { Sql } from '../connection';

export interface CostQuery {
  /** Null reports all tenants. */
  readonly tenant: Tenant | null;
  readonly by: CostGroup;
  /** Jobs that first reserved from this time on. */
  readonly from?: string | undefined;
  /** And before this time. */
  readonly to?: string | undefined;
  readonly run?: string | undefined;
  /** The most groups; 1,000 by default. */
  readonly limit?: number;
}

export interface CostReport {
  readonly items: readonly CostRow[];
  /** False when there are more groups than the limit. */
  readonly isComplete: boolean;
}

interface CostRow {
  /** The run, model, backend, day, month or tenant. */
  readonly key: string;
  readonly jobs: number;
  /** CPU-hours reserved by jobs that have not ended. */
  readonly reservedCpuHours: number;
  readonly reservedUsd: number;
  readonly usedCpuHours: number;
  readonly usedUsd: number;
  /** Jobs whose backend had no price, and which cost nothing here. */
  readonly unpriced: number;
}

interface Sums {
  readonly key: string;
  readonly jobs: number;
  readonly reservedCpu: number;
  readonly reservedUsd: number;
  readonly usedCpu: number;
  readonly usedUsd: number;
  readonly unpriced: number;
}

/** The most groups of one report. */
export const maxCostRows = 1000;

/** Sums of jobs by one property, the newest or most recent groups first. */
export async function reportCosts(
  sql: Sql,
  { tenant, by, from, to, run, limit = maxCostRows }: CostQuery,
): Promise<CostReport> {
  const key = {
    run: sql`run_id`,
    model: sql`lifecycle`,
    backend: sql`backend`,
    day: sql`to_char(created_at, 'YYYY-MM-DD')`,
    month: sql`to_char(created_at, 'YYYY-MM')`,
    tenant: sql`tenant_id`,
  }[by];
  const sums = await sql<Sums[]>`
    select ${key} as key, count(*)::int as jobs,
      coalesce(sum(reserved_cpu) filter (where state = 'open'), 0)::bigint as reserved_cpu,
      coalesce(sum(reserved_usd) filter (where state = 'open'), 0)::bigint as reserved_usd,
      sum(used_cpu)::bigint as used_cpu, sum(used_usd)::bigint as used_usd,
      count(*) filter (where hour_price is null)::int as unpriced
    from job_costs
    where ${tenant === null ? sql`true` : sql`tenant_id = ${tenant}`}
      and ${from === undefined ? sql`true` : sql`created_at >= ${from}`}
      and ${to === undefined ? sql`true` : sql`created_at < ${to}`}
      and ${run === undefined ? sql`true` : sql`run_id = ${run}`}
    group by 1 order by max(created_at) desc, 1 limit ${limit + 1}`;
  return { items: sums.slice(0, limit).map(toCostRow), isComplete: sums.length <= limit };
}

function toCostRow(sums: Sums): CostRow {
  const { key, jobs, unpriced } = sums;
  return {
    key,
    jobs,
    reservedCpuHours: sums.reservedCpu / budgetUnits.cpuHours,
    reservedUsd: sums.reservedUsd / budgetUnits.usd,
    usedCpuHours: sums.usedCpu / budgetUnits.cpuHours,
    usedUsd: sums.usedUsd / budgetUnits.usd,
    unpriced,
  };
}
