import { failure } from '../../domain/failure';
import type { RunId, Tenant } from '../../domain/ids';
import type {
  SamplerState,
  Trial,
  TrialEnd,
  TrialParams,
  TrialStep,
} from '../../domain/tuning/tuning';
import type { TuneSpec } from '../../domain/tuning/tune-spec';
import type { Columns } from '../columns';
import type { Database, Query, Transaction } from '../connection';
import { toJson } from '../document';
import type { Page, PageRequest } from '../page';
import { afterKey, rowsToAsk, toPage } from '../page';
import { guardRun } from '../run/guard';
import type { runs } from '../run/schema';
import type { trials } from './schema';
import { appendEvent } from '../run/event';

/** A study of a run; both together name it. */
export interface StudyRef {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly study: string;
}

export type TrialRef = StudyRef & { readonly number: number };

/** The trials of studies. These rows are the source of truth. */
export interface TrialRepository {
  /**
   * Call it before the trial runs. The first parameters of a number stay, and later calls return
   * them. Throws FencedOff when the run has ended or is being undone.
   */
  start(input: TrialRef & { readonly params: TrialParams }): Promise<Trial>;
  /**
   * Starts the trial with this number in a lane, which runs one trial at a time. If the lane has a
   * running trial or the number is taken, it returns that trial. `paused` when the run is paused.
   * Throws FencedOff when the run has ended or is being undone.
   */
  startInLane(input: TrialRef & LaneStart): Promise<Trial | 'paused'>;
  /**
   * Stores the values for pruning. A late attempt with fewer values changes nothing. False if the
   * trial no longer runs.
   */
  report(input: TrialRef & { readonly intermediate: readonly TrialStep[] }): Promise<boolean>;
  /** The first end of a trial stays, and later calls return it. */
  end(
    input: TrialRef & {
      readonly end: TrialEnd;
      readonly tune: Pick<TuneSpec, 'metric' | 'direction' | 'trials'>;
    },
  ): Promise<Trial>;
  /**
   * Ends all running trials as failed and returns their number. Without running trials, or without
   * the study, it does nothing.
   */
  abandon(input: StudyRef & { readonly reason: string }): Promise<number>;
  /** Sorted by number, beginning at `from`; all by default. */
  list(input: StudyRef & { readonly from?: number }): Promise<readonly Trial[]>;
  /** Sorted by number. */
  page(input: StudyRef & PageRequest): Promise<Page<Trial>>;
  /**
   * The run whose study a run or a model version has, and its lifecycle. A run that reused the
   * study of an earlier run has the earlier one. Null when the run or the version does not exist.
   */
  findStudy(input: Omit<StudyRef, 'runId'> & StudyOwner): Promise<FoundStudy | null>;
  /** The best complete trial; of equal ones the first. */
  best(input: StudyRef & Pick<TuneSpec, 'direction'>): Promise<BestTrial | null>;
}

interface LaneStart {
  readonly lane: number;
  readonly params: TrialParams;
  readonly samplerState: SamplerState;
}

export type StudyOwner =
  { readonly runId: RunId } | { readonly model: string; readonly version: number };

export interface FoundStudy {
  readonly runId: RunId;
  readonly lifecycle: string;
  /** The objectives of its study; null when its lifecycle had no `tune`. */
  readonly tune: Pick<TuneSpec, 'metric' | 'direction' | 'objectives'> | null;
}

interface BestTrial {
  readonly number: number;
  readonly value: number;
}

type TrialRow = typeof trials.$inferSelect;

export function createTrialRepository({ sql }: Database): TrialRepository {
  return {
    start: ({ params, ...ref }) =>
      sql.begin(async (tx) => {
        // Locks the run first, as every event does, because two writers could deadlock otherwise.
        await lockRun(tx, ref);
        const known = await read(tx, ref);
        if (known) return known;
        return insert(tx, ref, { lane: null, params, samplerState: {} });
      }),

    startInLane: ({ lane, params, samplerState, ...ref }) =>
      sql.begin(async (tx) => {
        const run = await lockRun(tx, ref);
        const { tenant, runId, study, number } = ref;
        const [known] = await tx<TrialRow[]>`
          select * from trials
          where tenant_id = ${tenant} and run_id = ${runId} and study = ${study}
            and (number = ${number} or (lane = ${lane} and status = 'running'))
          order by (lane = ${lane} and status = 'running') desc nulls last limit 1`;
        if (known) return toTrial(known);
        if (run.status === 'paused') return 'paused';
        return insert(tx, ref, { lane, params, samplerState });
      }),

    async report({ tenant, runId, study, number, intermediate }) {
      const { count } = await sql`
        update trials set intermediate = case when json_array_length(intermediate) < ${intermediate.length} then ${toJson(intermediate)}::json else intermediate end
        where tenant_id = ${tenant} and run_id = ${runId} and study = ${study} and number = ${number} and status = 'running'`;
      return count > 0;
    },

    end: ({ end, tune, ...ref }) =>
      sql.begin(async (tx) => {
        await lockRun(tx, ref);
        const { tenant, runId, study, number } = ref;
        if (end.value !== null && !Number.isFinite(end.value)) {
          throw failure(
            'InvalidInput',
            `trial ${number} of ${runId} ended with ${end.value}, which is not a finite number`,
          );
        }
        const [ended] = await tx<TrialRow[]>`
          update trials set status = ${end.status}, value = ${end.value}, values = ${toJson('values' in end ? end.values : null)}, reason = ${'reason' in end ? end.reason : null}, ended_at = now()
          where tenant_id = ${tenant} and run_id = ${runId} and study = ${study} and number = ${number} and status = 'running' returning *`;
        if (!ended) {
          const before = await read(tx, ref);
          if (!before)
            throw failure('NotFound', `run ${runId} has no trial ${number} in study ${study}`);
          return before;
        }
        const trial = toTrial(ended);
        const best = await findBest(tx, ref, tune.direction);
        const [count] = await tx<{ ended: number }[]>`
          select count(*)::int as ended from trials
          where tenant_id = ${tenant} and run_id = ${runId} and study = ${study} and status <> 'running'`;
        const { status, value, reason } = trial;
        const far = { metric: tune.metric, ended: count?.ended ?? 0, of: tune.trials };
        const data = {
          number,
          status,
          value,
          ...(reason === null ? {} : { reason }),
          best,
          ...far,
        };
        await appendEvent(tx, { tenant, runId, kind: 'trial.ended', stage: study, data });
        return trial;
      }),

    abandon: ({ tenant, runId, study, reason }) =>
      sql.begin(async (tx) => {
        const { count } = await tx`
          update trials set status = 'failed', reason = ${reason}, ended_at = now()
          where tenant_id = ${tenant} and run_id = ${runId} and study = ${study} and status = 'running'`;
        return count;
      }),

    async list({ tenant, runId, study, from = 0 }) {
      const rows = await sql<TrialRow[]>`
        select * from trials
        where tenant_id = ${tenant} and run_id = ${runId} and study = ${study} and number >= ${from}
        order by number`;
      return rows.map(toTrial);
    },

    async page({ tenant, runId, study, ...page }) {
      const rows = await sql<TrialRow[]>`
        select * from trials where tenant_id = ${tenant} and run_id = ${runId} and study = ${study} and number > ${numberAfter(page)}
        order by number limit ${rowsToAsk(page)}`;
      return toPage(rows, page, (row) => String(row.number), toTrial);
    },

    async findStudy({ tenant, study, ...owner }) {
      const run =
        'runId' in owner
          ? sql`${owner.runId}`
          : sql`(select run_id from model_versions
                 where tenant_id = ${tenant} and model = ${owner.model}
                   and version = ${owner.version})`;
      const [found] = await sql<FoundStudy[]>`
        select coalesce(s.reused_from, r.id) as run_id, r.lifecycle, v.spec -> 'tune' as tune
        from runs r
        join lifecycle_revisions v
          on v.tenant_id = r.tenant_id and v.lifecycle = r.lifecycle
            and v.digest = r.revision_digest
        left join stage_records s
          on s.tenant_id = r.tenant_id and s.run_id = r.id and s.stage = ${study}
        where r.tenant_id = ${tenant} and r.id = ${run}`;
      return found ?? null;
    },

    best: ({ direction, ...study }) => findBest(sql, study, direction),
  };
}

function numberAfter(page: PageRequest): number {
  const key = afterKey(page);
  if (key === null) return -1;
  if (!/^\d{1,9}$/.test(key))
    throw failure('InvalidInput', 'the page token does not belong to this list', {
      next: 'start again without it',
    });
  return Number(key);
}

async function findBest(
  sql: Query,
  { tenant, runId, study }: StudyRef,
  direction: TuneSpec['direction'],
): Promise<BestTrial | null> {
  const [best] = await sql<BestTrial[]>`
    select number, value from trials
    where tenant_id = ${tenant} and run_id = ${runId} and study = ${study} and status = 'complete' and value is not null
    order by ${direction === 'minimize' ? sql`value` : sql`value desc`}, number limit 1`;
  return best ?? null;
}

async function lockRun(
  tx: Transaction,
  { tenant, runId }: StudyRef,
): Promise<Columns<typeof runs, 'status'>> {
  const [run] = await tx<Columns<typeof runs, 'status'>[]>`
    select status from runs where tenant_id = ${tenant} and id = ${runId} for update`;
  if (!run) throw failure('NotFound', `there is no run ${runId}`);
  return run;
}

async function read(sql: Query, { tenant, runId, study, number }: TrialRef): Promise<Trial | null> {
  const [row] = await sql<TrialRow[]>`
    select * from trials where tenant_id = ${tenant} and run_id = ${runId} and study = ${study} and number = ${number}`;
  return row ? toTrial(row) : null;
}

async function insert(
  tx: Transaction,
  ref: TrialRef,
  { lane, params, samplerState }: Omit<LaneStart, 'lane'> & { readonly lane: number | null },
): Promise<Trial> {
  await guardRun(tx, ref);
  const { tenant, runId, study, number } = ref;
  const [row] = await tx<TrialRow[]>`
    insert into trials (tenant_id, run_id, study, number, params, lane, sampler_state, status)
    values (${tenant}, ${runId}, ${study}, ${number}, ${toJson(params)}, ${lane},
            ${toJson(samplerState)}, 'running')
    returning *`;
  const data = { number, params };
  await appendEvent(tx, { tenant, runId, kind: 'trial.started', stage: study, data });
  return toTrial(row);
}

function toTrial(row: TrialRow | undefined): Trial {
  if (!row) throw failure('DatabaseUnavailable', 'the database did not return the stored trial');
  const { number, params, status, value, values, intermediate, reason } = row;
  const { lane, samplerState, startedAt, endedAt } = row;
  return {
    number,
    params: params as TrialParams,
    status,
    value,
    values,
    intermediate,
    reason,
    lane,
    samplerState,
    startedAt,
    endedAt,
  };
}
