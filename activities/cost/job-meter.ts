/** Reserves what a job may cost before it starts, and settles what it used at its end. */
import { Context } from '@temporalio/activity';
import type { CostedJob, JobReservation } from '../../db/cost/repository';
import type { Registry } from '../../db/registry';
import { formatBudgetAmount, spentMessage } from '../../domain/budget/budget';
import { raiseCap } from '../../domain/cost/caps';
import { usdPerHour, type ComputePrices } from '../../domain/cost/price';
import { usedSeconds } from '../../domain/cost/usage';
import { failure, failureTypes, isPerennialError, type PerennialError } from '../../domain/failure';
import { figure } from '../../domain/format';
import type { RunId, Tenant } from '../../domain/ids';
import {
  ofAllNodes,
  type AttemptTime,
  type ComputeKind,
  type Job,
} from '../../domain/training/job';
import { retryWhileUnavailable } from '../run/retry-while-unavailable';

export interface JobMeterDeps {
  readonly registry: Pick<Registry, 'costs'>;
  readonly prices: ComputePrices;
}

export interface JobMeter {
  /**
   * Reserves for the job before it starts. Waits while other jobs hold what it needs. A repeated
   * call finds the reservation. `earlier` are the attempts before this one, if it has other
   * resources: they keep their price.
   * @throws BudgetSpent when a cap leaves no room for it
   */
  open(job: Job, earlier?: () => Promise<readonly AttemptTime[]>): Promise<void>;
  /** Called at each poll of a running job: whether its reservation is used up. */
  look(times: () => Promise<readonly AttemptTime[]>): Promise<'spent' | undefined>;
  /** Ends the account of the job with what it used. */
  settle(times: () => Promise<readonly AttemptTime[]>): Promise<void>;
  /** The failure of a job that was stopped because its reservation was used up. */
  spent(): PerennialError;
}

/** A short job ends before, and needs no record of its start. */
const firstLookMs = 5_000;
const seenEveryMs = 30_000;
const maxHeldMs = 600_000;
const maxHeldPauseMs = 10_000;

export function openJobMeter(
  { registry: { costs }, prices }: JobMeterDeps,
  {
    tenant,
    runId,
    jobId,
    backend,
    keepSeconds = 0,
  }: {
    readonly tenant: Tenant;
    readonly runId: RunId;
    readonly jobId: string;
    readonly backend: ComputeKind;
    /** Seconds of such a job that must remain for a later one of the run. */
    readonly keepSeconds?: number;
  },
): JobMeter {
  const job = { tenant, jobId };
  let limit: Extract<JobReservation, { kind: 'reserved' }>['limit'] = null;
  let lookAt: number | null = null;
  let runningSince: string | null = null;

  return {
    async open({ resources }, earlier) {
      if (earlier) {
        const times = await earlier();
        await retryWhileUnavailable(() => costs.seen({ ...job, times }));
      }
      const all = ofAllNodes(resources);
      const demand = { backend, resources: all, usdPerHour: usdPerHour(prices, backend, all) };
      const until = Date.now() + maxHeldMs;
      for (let pauseMs = 500; ; pauseMs = Math.min(2 * pauseMs, maxHeldPauseMs)) {
        const reserved = await retryWhileUnavailable(() =>
          costs.reserve({ ...job, runId, demand, keepSeconds }),
        );
        if (reserved.kind === 'reserved') {
          limit = reserved.limit;
          return;
        }
        if (reserved.kind === 'spent' || Date.now() > until) throw noBudgetFor(reserved, job);
        await Context.current().sleep(pauseMs);
      }
    },

    async look(times) {
      runningSince ??= new Date().toISOString();
      lookAt ??= Date.now() + Math.min(firstLookMs, (limit?.seconds ?? Infinity) * 1000);
      if (Date.now() < lookAt) return undefined;
      try {
        const known = await times();
        await costs.seen({ ...job, times: known });
        const now = new Date().toISOString();
        const used = usedSeconds(known.map((time) => ({ ...time, seenAt: now })));
        const leftMs = limit === null ? Infinity : (limit.seconds - used) * 1000;
        lookAt = Date.now() + Math.min(seenEveryMs, Math.max(0, leftMs));
        return leftMs <= 0 ? 'spent' : undefined;
      } catch (error) {
        if (!isPerennialError(error) || !failureTypes[error.type].retryable) throw error;
        lookAt = Date.now() + 1_000;
        return undefined;
      }
    },

    async settle(times) {
      const known = await times().catch((): readonly AttemptTime[] => {
        // The engine cannot be reached. What this attempt of the activity saw is a lower bound.
        if (runningSince === null) return [];
        const endedAt = new Date().toISOString();
        return [{ attempt: 'unreported', startedAt: runningSince, endedAt }];
      });
      await retryWhileUnavailable(() => costs.settle({ ...job, times: known }));
    },

    spent() {
      const { budget, seconds } = limit ?? {};
      const what = `job ${jobId} was stopped at its checkpoint after ${figure(seconds ?? 0)} s`;
      if (!budget) return failure('BudgetSpent', what);
      return failure(
        'BudgetSpent',
        `${spentMessage(budget.scope)}: ${formatBudgetAmount(budget.unit, budget.limit)}; ${what}`,
        { next: raiseCap(budget.scope, tenant) },
      );
    },
  };
}

/** Names the cap, what is used and reserved of it, what the job needs, and the next step. */
function noBudgetFor(
  { kind, budget, needed }: Exclude<JobReservation, { kind: 'reserved' }>,
  { tenant, jobId }: CostedJob,
): PerennialError {
  const { scope, unit, limit, spent, reserved } = budget;
  const of = (parts: number): string => formatBudgetAmount(unit, parts);
  const held = reserved > 0 ? `, ${of(reserved)} reserved by running jobs` : '';
  const state = kind === 'spent' ? 'has too little left' : 'has no room now';
  const raise = raiseCap(scope, tenant);
  return failure(
    'BudgetSpent',
    `the budget of ${scope} ${state}: ${of(spent)} of ${of(limit)} used${held}, ` +
      `${of(needed)} needed; job ${jobId} cannot start`,
    { next: kind === 'spent' ? raise : `wait until running jobs have ended; or ${raise}` },
  );
}
