import { budgetUnits, type Budget, type BudgetAmount } from '../../domain/budget/budget';
import { costBudgets, type CostBudget } from '../../domain/cost/caps';
import {
  mergeAttempts,
  partsFor,
  secondsFor,
  findMinStart,
  usedParts,
  usedSeconds,
  type JobDemand,
  type SeenAttempt,
} from '../../domain/cost/usage';
import { failure } from '../../domain/failure';
import type { RunId, Tenant } from '../../domain/ids';
import type { LifecycleKind } from '../../domain/lifecycle/lifecycle';
import type { AttemptTime } from '../../domain/training/job';
import { lockBudget, reserveBudgets, settleBudgets, undoReservation } from '../budget/reservation';
import type { Columns } from '../columns';
import type { Database, Query, Transaction } from '../connection';
import { toJson } from '../document';
import type { budgetReservations } from '../budget/schema';
import type { tenants } from '../tenant/schema';
import { reportCosts, type CostQuery, type CostReport } from './report';
import type { JobCostRow } from './schema';
import { type ComputeBudget, type CostUnit } from '../../domain/cost/compute-budget';

export interface CostedJob {
  readonly tenant: Tenant;
  readonly jobId: string;
}

export interface ReserveJob extends CostedJob {
  readonly runId: RunId;
  readonly demand: JobDemand;
  /** Seconds of such a job that must remain for a later one of the same run. */
  readonly keepSeconds?: number;
}

/**
 * `reserved`: with a limit, all attempts of the job together may run for `seconds`, which are all
 * that `budget` has left. `spent` is final. `held` may succeed later, when other jobs have used less
 * than they reserved.
 */
export type JobReservation =
  | {
      readonly kind: 'reserved';
      readonly limit: { readonly seconds: number; readonly budget: Budget } | null;
    }
  | {
      readonly kind: 'spent' | 'held';
      readonly budget: Budget;
      /** What the job needs to start, in parts of the budget's unit. */
      readonly needed: number;
    };

/** What the jobs of runs reserve and use, in the ledger of budgets. */
export interface CostRepository {
  /**
   * Reserves the time limit of a job, or as much of it as its budgets have left. A repeated call
   * for an open job replaces its reservation, and one for an ended job reserves nothing. More memory
   * than before sets the price of the attempts that are seen from then on.
   * @throws InvalidInput when money is capped and the backend has no price
   */
  reserve(input: ReserveJob): Promise<JobReservation>;
  /** Records that attempts run. Nothing for a job that is not open. */
  seen(input: CostedJob & { readonly times: readonly AttemptTime[] }): Promise<void>;
  /** Ends a job with what it used. A repeated call changes nothing. */
  settle(input: CostedJob & { readonly times: readonly AttemptTime[] }): Promise<void>;
  /** The longest time that a job of the run has used, in seconds; 0 without jobs. */
  longestJob(input: { readonly tenant: Tenant; readonly runId: RunId }): Promise<number>;
  /** Settles jobs of ended runs that no worker follows, with the last times that were seen. */
  settleLeftOver(input: { readonly olderThanSeconds: number }): Promise<number>;
  report(query: CostQuery): Promise<CostReport>;
}

/** The lease only matters for rows that `settleLeftOver` never finds. */
const leaseDays = 60;

const noBudget: ComputeBudget = { cpuHours: null, usd: null, model: null };

export function createCostRepository({ sql }: Database): CostRepository {
  return {
    reserve: (input) => sql.begin((tx) => reserveJob(tx, input)),
    seen: ({ tenant, jobId, times }) =>
      sql.begin(async (tx) => {
        const row = await lockedJob(tx, { tenant, jobId });
        if (row?.state !== 'open') return;
        const attempts = mergeNow(row, times);
        await writeUse(tx, row, attempts, null);
      }),
    settle: ({ tenant, jobId, times }) =>
      sql.begin(async (tx) => {
        const row = await lockedJob(tx, { tenant, jobId });
        if (row?.state === 'open') await settleJob(tx, row, times);
      }),
    async longestJob({ tenant, runId }) {
      // A second of one CPU is 1,000 parts of the ledger.
      const [row] = await sql<{ seconds: number }[]>`
        select coalesce(max(used_cpu::float8 / (cpus * 1000)), 0) as seconds from job_costs
        where tenant_id = ${tenant} and run_id = ${runId}`;
      return row?.seconds ?? 0;
    },
    async settleLeftOver({ olderThanSeconds }) {
      const left = await sql<Pick<JobCostRow, 'tenantId' | 'jobId'>[]>`
        select c.tenant_id, c.job_id from job_costs c join runs r on r.tenant_id = c.tenant_id and r.id = c.run_id
        where c.state = 'open' and c.touched_at < now() - ${olderThanSeconds} * interval '1 second'
          and r.status in ('succeeded', 'stopped', 'failed', 'cancelled', 'lost') limit 1000`;
      for (const { tenantId: tenant, jobId } of left)
        await sql.begin(async (tx) => {
          const row = await lockedJob(tx, { tenant, jobId });
          if (row?.state === 'open') await settleJob(tx, row, []);
        });
      return left.length;
    },
    report: (query) => reportCosts(sql, query),
  };
}

async function reserveJob(tx: Transaction, input: ReserveJob): Promise<JobReservation> {
  const first = await jobRow(tx, input);
  if (first.state === 'ended') return { kind: 'reserved', limit: null };
  const { tenant, jobId } = input;
  const row = await raiseMemory(tx, first, input.demand);
  // The price of these resources stays, so that reservation and use are comparable.
  const usdPerHour = row.hourPrice === null ? null : row.hourPrice / budgetUnits.usd;
  const demand = { ...input.demand, usdPerHour };
  const budgets = await lockBudgets(tx, { ...input, demand, at: row.createdAt });
  const used = usedSeconds(row.attempts);
  const before = usedParts(row, row.attempts);
  const room = await roomIn(tx, { ...input, demand, used, before }, budgets);
  if ('refused' in room) {
    // A job that never reserved leaves no record.
    if (row.reservedCpu === 0 && row.attempts.length === 0)
      await tx`delete from job_costs where tenant_id = ${tenant} and job_id = ${jobId}`;
    return room.refused;
  }
  for (const own of room.own) await undoReservation(tx, { tenant, holder: jobId }, own);
  const next = partsFor(
    demand,
    room.limit === null ? demand.resources.timeoutSeconds : room.limit.seconds - used,
  );
  const parts = { cpuHours: before.cpuHours + next.cpuHours, usd: before.usd + next.usd };
  const amounts = budgets.map(({ scope, unit }) => ({
    scope,
    unit,
    amount: parts[unit as CostUnit],
  }));
  const leaseMs = leaseDays * 86_400_000;
  const reserved = await reserveBudgets(tx, { tenant, holder: jobId, amounts, leaseMs });
  // The budgets are locked, so no other job can have taken what was left.
  if (reserved.kind !== 'reserved')
    throw failure('DatabaseBusy', `the budgets of job ${jobId} changed while it reserved`);
  await tx`
    update job_costs set reserved_cpu = ${parts.cpuHours}, reserved_usd = ${parts.usd}, touched_at = now()
    where tenant_id = ${tenant} and job_id = ${jobId}`;
  return { kind: 'reserved', limit: room.limit };
}

/** The row of the job, locked. */
async function jobRow(
  tx: Transaction,
  { tenant, jobId, runId, demand }: ReserveJob,
): Promise<JobCostRow> {
  const known = await lockedJob(tx, { tenant, jobId });
  if (known) return known;
  const { backend, resources } = demand;
  const { cpus, memoryBytes, gpus = 0, timeoutSeconds, queue = null } = resources;
  const price = computeHourPrice(demand);
  await tx`
    insert into job_costs (tenant_id, job_id, run_id, lifecycle, backend, queue, cpus, memory_bytes, gpus,
      timeout_seconds, hour_price, state, attempts)
    select tenant_id, ${jobId}, id, lifecycle, ${backend}, ${queue}, ${cpus}, ${memoryBytes}, ${gpus},
      ${timeoutSeconds}, ${price}::bigint, 'open', '[]' from runs where tenant_id = ${tenant} and id = ${runId}
    on conflict on constraint job_costs_pk do nothing`;
  const row = await lockedJob(tx, { tenant, jobId });
  if (!row) throw failure('NotFound', `job ${jobId}: there is no run ${runId}`);
  return row;
}

/** A job starts again with more memory after it ran out. Later attempts then cost more. */
async function raiseMemory(
  tx: Transaction,
  row: JobCostRow,
  demand: JobDemand,
): Promise<JobCostRow> {
  const { memoryBytes } = demand.resources;
  if (memoryBytes <= row.memoryBytes) return row;
  const hourPrice = computeHourPrice(demand);
  await tx`
    update job_costs set memory_bytes = ${memoryBytes}, hour_price = ${hourPrice}::bigint
    where tenant_id = ${row.tenantId} and job_id = ${row.jobId}`;
  return { ...row, memoryBytes, hourPrice };
}

function computeHourPrice({ usdPerHour }: JobDemand): number | null {
  return usdPerHour === null ? null : Math.round(usdPerHour * budgetUnits.usd);
}

async function lockedJob(
  tx: Transaction,
  { tenant, jobId }: CostedJob,
): Promise<JobCostRow | undefined> {
  const [row] = await tx<JobCostRow[]>`
    select * from job_costs where tenant_id = ${tenant} and job_id = ${jobId} for update`;
  return row;
}

interface RunCaps {
  readonly lifecycle: string;
  readonly kind: LifecycleKind;
  readonly budget: Partial<ComputeBudget> | null;
}

type TenantCaps = Columns<typeof tenants, 'maxCpuHours' | 'maxUsd' | 'costPeriod'>;

/** Locks and returns the budgets that count the job. A budget that is new has what was used before. */
async function lockBudgets(
  tx: Transaction,
  { tenant, runId, demand, at }: Omit<ReserveJob, 'jobId'> & { readonly at: string },
): Promise<readonly Budget[]> {
  const [run] = await tx<RunCaps[]>`
    select r.lifecycle, r.kind, v.spec -> 'budget' as budget from runs r
    join lifecycle_revisions v on v.tenant_id = r.tenant_id and v.lifecycle = r.lifecycle and v.digest = r.revision_digest
    where r.tenant_id = ${tenant} and r.id = ${runId}`;
  if (!run) throw failure('NotFound', `there is no run ${runId}`);
  const [caps] = await tx<TenantCaps[]>`
    select max_cpu_hours, max_usd, cost_period from tenants where id = ${tenant}`;
  const wanted = costBudgets({
    runId,
    lifecycle: run.lifecycle,
    budget: { ...noBudget, ...run.budget },
    tenantCap: {
      cpuHours: caps?.maxCpuHours ?? null,
      usd: caps?.maxUsd ?? null,
      period: caps?.costPeriod ?? 'month',
    },
    at,
  });
  refuseWithoutPrice(wanted, run.kind, demand);
  const known = await tx<Pick<Budget, 'scope' | 'unit'>[]>`
    select scope, unit from budgets where tenant_id = ${tenant}
      and scope = any(${wanted.map(({ scope }) => scope)}) and unit in ('cpuHours', 'usd')`;
  const isKnown = (of: CostBudget): boolean =>
    known.some(({ scope, unit }) => scope === of.scope && unit === of.unit);
  const found: Budget[] = [];
  for (const each of wanted) {
    if (each.limit === null && !isKnown(each)) continue;
    const budget = await openBudget(tx, tenant, each);
    found.push(budget);
  }
  return found;
}

function refuseWithoutPrice(
  budgets: readonly CostBudget[],
  kind: LifecycleKind,
  { backend, usdPerHour }: JobDemand,
): void {
  if (usdPerHour !== null) return;
  // The money of a language application was for its questions before jobs had prices.
  const isCapped = budgets.some(
    ({ scope, unit, limit }) =>
      unit === 'usd' && limit !== null && !(kind === 'LlmLifecycle' && scope.startsWith('run/')),
  );
  if (isCapped)
    throw failure('InvalidInput', `there is no price for backend ${backend}, and money is capped`, {
      next: `add ${backend} to the file that PERENNIAL_PRICES_FILE names on the workers`,
    });
}

/** Larger than any sum of parts, and exact as a number. */
const unlimited = 9_000_000_000_000_000;

/** The locked budget, with the limit of now. */
async function openBudget(
  tx: Transaction,
  tenant: Tenant,
  { scope, unit, limit }: CostBudget,
): Promise<Budget> {
  const { count } = await tx`
    insert into budgets (tenant_id, scope, unit, "limit") values (${tenant}, ${scope}, ${unit}, ${limit ?? unlimited})
    on conflict on constraint budgets_pk do nothing`;
  const budget = await lockBudget(tx, tenant, { scope, unit });
  if (count === 1 && (await countEarlier(tx, tenant, { scope, unit })))
    return openBudget(tx, tenant, { scope, unit, limit });
  if (budget.limit === (limit ?? unlimited)) return budget;
  await tx`
    update budgets set "limit" = ${limit ?? unlimited}
    where tenant_id = ${tenant} and scope = ${scope} and unit = ${unit}`;
  return { ...budget, limit: limit ?? unlimited };
}

/** Counts the jobs of the scope that reserved before the budget was made. Returns whether any. */
async function countEarlier(
  tx: Transaction,
  tenant: Tenant,
  { scope, unit }: Pick<CostBudget, 'scope' | 'unit'>,
): Promise<boolean> {
  const [kind, name = '', period = ''] = scope.split('/');
  const since = (text: string): string => (text.length === 7 ? `${text}-01` : text);
  const within = (text: string) => tx`
    created_at >= ${since(text)}::date
    and created_at < ${since(text)}::date + ${text.length === 7 ? '1 month' : '1 day'}::interval`;
  const isOfScope =
    kind === 'run'
      ? tx`run_id = ${name}`
      : kind === 'model'
        ? tx`lifecycle = ${name} and ${within(period)}`
        : within(name);
  const column = unit === 'usd' ? 'usd' : 'cpu';
  const jobs = tx`
    select * from job_costs where tenant_id = ${tenant} and ${isOfScope}
      and (state = 'ended' or reserved_cpu > 0)`;
  const { count } = await tx`
    insert into budget_reservations (tenant_id, holder, scope, unit, amount, state, expires_at)
    select tenant_id, job_id, ${scope}::text, ${unit}::text, ${tx(`reserved_${column}`)}, 'open',
      now() + ${leaseDays} * interval '1 day' from (${jobs}) j where state = 'open'
    on conflict do nothing`;
  const changed = await tx`
    update budgets b set reserved = b.reserved + s.reserved, spent = b.spent + s.spent from (
      select coalesce(sum(${tx(`used_${column}`)}) filter (where state = 'ended'), 0)::bigint as spent,
        coalesce(sum(${tx(`reserved_${column}`)}) filter (where state = 'open'), 0)::bigint as reserved
      from (${jobs}) j) s
    where b.tenant_id = ${tenant} and b.scope = ${scope} and b.unit = ${unit} and (s.spent > 0 or s.reserved > 0)`;
  return count + changed.count > 0;
}

type Room =
  | {
      readonly limit: Extract<JobReservation, { kind: 'reserved' }>['limit'];
      /** What the job has reserved already. */
      readonly own: readonly BudgetAmount[];
    }
  | { readonly refused: Exclude<JobReservation, { kind: 'reserved' }> };

interface RoomInput extends ReserveJob {
  /** Seconds of the attempts so far. */
  readonly used: number;
  /** And what they cost. */
  readonly before: Readonly<Record<CostUnit, number>>;
}

async function roomIn(
  tx: Transaction,
  { tenant, jobId, demand, used, before, keepSeconds = 0 }: RoomInput,
  budgets: readonly Budget[],
): Promise<Room> {
  const own = await ownReservations(tx, { tenant, jobId });
  const { timeoutSeconds } = demand.resources;
  const least = used + findMinStart(demand);
  let limit: Extract<JobReservation, { kind: 'reserved' }>['limit'] = null;
  for (const budget of budgets) {
    const unit = budget.unit as CostUnit;
    const mine =
      own.find((each) => each.scope === budget.scope && each.unit === budget.unit)?.amount ?? 0;
    const left = budget.limit - budget.spent - before[unit];
    const computeSeconds = (parts: number): number =>
      used + secondsFor(demand, unit, parts) - keepSeconds;
    const free = computeSeconds(left - budget.reserved + mine);
    if (free < least) {
      const isSpent = computeSeconds(left) < least;
      const needed = partsFor(demand, findMinStart(demand) + keepSeconds)[unit];
      return { refused: { kind: isSpent ? 'spent' : 'held', budget, needed } };
    }
    if (free < (limit?.seconds ?? used + timeoutSeconds)) limit = { seconds: free, budget };
  }
  return { limit, own };
}

type ReservationColumns = Columns<typeof budgetReservations, 'scope' | 'unit' | 'amount'>;

async function ownReservations(
  tx: Query,
  { tenant, jobId }: CostedJob,
): Promise<readonly ReservationColumns[]> {
  return tx<ReservationColumns[]>`
    select scope, unit, amount from budget_reservations
    where tenant_id = ${tenant} and holder = ${jobId} and state = 'open' order by scope, unit collate "C"`;
}

async function settleJob(
  tx: Transaction,
  row: JobCostRow,
  times: readonly AttemptTime[],
): Promise<void> {
  const attempts = mergeNow(row, times);
  // What still ran when it was seen last has ended since.
  const ended = attempts.map((each) => ({ ...each, endedAt: each.endedAt ?? each.seenAt }));
  const parts = await writeUse(tx, row, ended, 'ended');
  const held = await ownReservations(tx, { tenant: row.tenantId, jobId: row.jobId });
  await settleBudgets(tx, {
    tenant: row.tenantId,
    holder: row.jobId,
    spent: held.map(({ scope, unit }) => ({ scope, unit, amount: parts[unit as CostUnit] })),
  });
}

function mergeNow(
  { attempts, hourPrice }: JobCostRow,
  times: readonly AttemptTime[],
): readonly SeenAttempt[] {
  return mergeAttempts(attempts, times, { now: new Date().toISOString(), hourPrice });
}

async function writeUse(
  tx: Transaction,
  { tenantId, jobId, cpus }: JobCostRow,
  attempts: readonly SeenAttempt[],
  end: 'ended' | null,
): Promise<Readonly<Record<CostUnit, number>>> {
  const parts = usedParts({ cpus }, attempts);
  await tx`
    update job_costs set attempts = ${toJson(attempts)}, used_cpu = ${parts.cpuHours}, used_usd = ${parts.usd},
      touched_at = now(), state = ${end ?? 'open'}, ended_at = case when ${end !== null} then now() end
    where tenant_id = ${tenantId} and job_id = ${jobId}`;
  return parts;
}
