import { randomBytes } from 'node:crypto';
import { isUnchanged, type Verdict } from '../../domain/verdict';
import { formatSeconds } from '../../domain/duration';
import { failure } from '../../domain/failure';
import type { RunId, Tenant } from '../../domain/ids';
import { defaultMonitor } from '../../domain/lifecycle/sections/monitor-spec';
import { readFindings, type StageOutcome } from '../../domain/retraining/ended-run';
import {
  maxHoldSeconds,
  noRetraining,
  retrainingIncidents,
  type RetrainingAnswer,
  type RetrainingCause,
  type RetrainingRules,
  type RetrainingState,
} from '../../domain/retraining/retraining';
import {
  changeRetraining,
  retrainingDueAt,
  startedRetraining,
  type RetrainingEffect,
  type RetrainingEvent,
} from '../../domain/retraining/transition';
import type { Columns } from '../columns';
import type { Query, Transaction } from '../connection';
import { toJson } from '../document';
import { raiseIncident, resolveIncident } from '../incident/change';
import type { incidents } from '../incident/schema';
import type { lifecycleRevisions } from '../lifecycle/schema';
import { enqueueOutbox } from '../notification/outbox-entry';
import type { RunCancelPayload } from '../run/follow-up';
import { acceptOne } from '../run/repository';
import type { runs } from '../run/schema';
import type { stageRecords } from '../stage/schema';
import { holdIncident, retrainingActor, stopIncident } from './incidents';
import type { CurrentSpec, LifecycleName } from './records';
import type { retrainings } from './schema';

/**
 * `tick`: a queued run may be due, or an automatic or scheduled run may have ended. `observed`: a
 * look of the monitor.
 */
type RetrainingRequest =
  | { readonly kind: 'requested'; readonly cause: RetrainingCause }
  | { readonly kind: 'tick' }
  | ScheduledStart
  | Extract<RetrainingEvent, { readonly kind: 'observed' }>;

/** The schedule has started the workflow of a run. */
interface ScheduledStart {
  readonly kind: 'scheduled';
  readonly workflowId: string;
  readonly allowsOpenRun: boolean;
  /** Stores the run, in the same transaction. */
  readonly open: () => Promise<RunId>;
}

const { stopped: stopKey, alarmsStopped: alarmsStopKey, held: holdKey } = retrainingIncidents;
/**
 * A queued run waits for a run that someone else started, and a hold for a person. The sweeper looks
 * again after this time.
 */
const lookAgainSeconds = 30;

/** Asks for an automatic run, in the caller's transaction. */
export async function requestRetraining(
  tx: Transaction,
  { cause, ...of }: LifecycleName & { readonly cause: RetrainingCause },
): Promise<RetrainingAnswer> {
  const early = cause.brokenData === null ? await skippedByOpenRun(tx, of) : null;
  if (early !== null) return early;
  const answer = await applyRequest(tx, of, { kind: 'requested', cause });
  if (answer === null) throw new Error('a request for a run has no answer');
  return answer;
}

/**
 * Most requests of a flood come while the run of the first one is open. They need no lock, so they
 * do not wait for each other. Null if the request needs the lock.
 */
async function skippedByOpenRun(
  tx: Transaction,
  { tenant, lifecycle }: LifecycleName,
): Promise<RetrainingAnswer | null> {
  const [row] = await tx<(Columns<typeof retrainings, 'state'> & CurrentSpec)[]>`
    select p.state, v.digest, v.spec from retrainings p
    join runs r on r.tenant_id = p.tenant_id and r.id = p.run_id and r.ended_at is null
    join lifecycles l on l.tenant_id = p.tenant_id and l.name = p.lifecycle and l.deleted_at is null
    join lifecycle_revisions v on v.tenant_id = l.tenant_id and v.lifecycle = l.name and v.revision = l.current_revision
    where p.tenant_id = ${tenant} and p.lifecycle = ${lifecycle}`;
  if (!row || row.state.hold !== null || row.state.stopped) return null;
  return readRules(row).runStrategy === 'skip'
    ? { kind: 'skipped', why: `${row.state.run ?? ''} is open` }
    : null;
}

function readRules({ spec }: CurrentSpec): RetrainingRules {
  return (spec.kind === 'ModelLifecycle' ? spec.monitor : undefined) ?? defaultMonitor;
}

/**
 * Applies a request under the row lock, with its effects, in the caller's transaction. First it
 * applies the end of the automatic run, if that has ended.
 */
export async function applyRequest(
  tx: Transaction,
  of: LifecycleName,
  request: RetrainingRequest,
): Promise<RetrainingAnswer | null> {
  const { tenant, lifecycle } = of;
  const revision = await revisionInForce(tx, of);
  const rules = readRules(revision);
  await tx`
    insert into retrainings (tenant_id, lifecycle, state) values (${tenant}, ${lifecycle}, ${toJson(noRetraining)})
    on conflict do nothing`;
  const [row] = await tx<Columns<typeof retrainings, 'state'>[]>`
    select state from retrainings where tenant_id = ${tenant} and lifecycle = ${lifecycle} for update`;
  if (!row) throw new Error('the database did not return the row that was locked');
  let { state } = row;
  let answer: RetrainingAnswer | null = null;
  const sources = [endedRun, resumeRetraining, alarmsResumed, releaseHold];
  if (request.kind === 'observed') sources.push(() => Promise.resolve(request));
  for (const next of [...sources, toRequestSource(request)]) {
    const event = await next(tx, of, state);
    if (event === null) continue;
    const step = changeRetraining(state, event, rules);
    ({ state, answer } = step);
    for (const effect of step.effects) {
      if (effect.kind === 'start' || effect.kind === 'open') {
        const runId = await startRun(tx, of, { effect, revision, request });
        const at = await readClock(tx);
        const by = effect.kind === 'start' ? effect.cause.kind : 'schedule';
        state = startedRetraining(state, { runId, at, by });
      } else await execute(tx, of, { effect, revision });
    }
  }
  await store(tx, of, state);
  return answer;
}

/** The event that follows from the database, if any. */
type EventSource = (
  tx: Transaction,
  of: LifecycleName,
  state: RetrainingState,
) => Promise<RetrainingEvent | null>;

const endedRun: EventSource = async (tx, { tenant }, { run }) => {
  if (run === null) return null;
  const [ended] = await tx<Columns<typeof runs, 'status' | 'verdict' | 'endedAt'>[]>`
    select status, verdict, ended_at from runs where tenant_id = ${tenant} and id = ${run} and ended_at is not null`;
  if (!ended?.endedAt) return null;
  const at = new Date(ended.endedAt).toISOString();
  const { status, verdict } = ended;
  const released = status === 'succeeded' && !isUnchanged(verdict);
  const findings = readFindings(status, await listStageOutcomes(tx, tenant, run));
  return { kind: 'ended', runId: run, status, released, at, ...findings };
};

/** The stages that show how a run ended, in the order in which they began. */
async function listStageOutcomes(
  tx: Transaction,
  tenant: Tenant,
  run: RunId,
): Promise<readonly StageOutcome[]> {
  const rows = await tx<Columns<typeof stageRecords, 'stage' | 'status' | 'output'>[]>`
    select stage, status, output from stage_records
    where tenant_id = ${tenant} and run_id = ${run} and (stage = 'validate' or status = 'stopped')
    order by started_at, generation`;
  return rows.map(({ stage, status, output: left }) => {
    const end = left as { readonly output?: unknown; readonly verdict?: Verdict } | null;
    return { stage, status, output: end?.output ?? null, verdict: end?.verdict ?? null };
  });
}

/** Automatic and scheduled runs go on when a person resolved the incident of their stop. */
const resumeRetraining: EventSource = async (tx, of, { stopped }) => {
  if (!stopped) return null;
  return (await openIncident(tx, of, stopKey)) ? null : { kind: 'resumed', of: 'all' };
};

/** Alarms start runs again when a person resolved the incident of their stop. */
const alarmsResumed: EventSource = async (tx, of, { alarmRuns }) => {
  if (!alarmRuns?.stopped) return null;
  return (await openIncident(tx, of, alarmsStopKey)) ? null : { kind: 'resumed', of: 'alarms' };
};

/** A person may resolve the incident to end the hold. Data that are still broken hold again. */
const releaseHold: EventSource = async (tx, of, { hold }) => {
  if (hold === null) return null;
  return (await openIncident(tx, of, holdKey)) ? null : { kind: 'released' };
};

/** The id of the incident with this key that is not resolved; null if there is none. */
export async function openIncident(
  tx: Transaction,
  { tenant, lifecycle }: LifecycleName,
  key: string,
): Promise<string | null> {
  const [open] = await tx<Columns<typeof incidents, 'id'>[]>`
    select id from incidents where tenant_id = ${tenant} and model = ${lifecycle} and key = ${key} and status <> 'resolved'`;
  return open?.id ?? null;
}

function toRequestSource(request: RetrainingRequest): EventSource {
  if (request.kind === 'scheduled') return toScheduleSource(request);
  return async (tx, { tenant, lifecycle }, { run }) => {
    const moment = {
      at: await readClock(tx),
      otherRun: await otherOpenRun(tx, { tenant, lifecycle, run }),
    };
    return request.kind === 'requested'
      ? { kind: 'requested', cause: request.cause, ...moment }
      : { kind: 'due', ...moment };
  };
}

/** An earlier attempt, which was still at work when this one began, may have opened the run. */
function toScheduleSource({ workflowId, allowsOpenRun }: ScheduledStart): EventSource {
  return async (tx, { tenant }) => {
    const [opened] = await tx`
      select from runs where tenant_id = ${tenant} and workflow_id = ${workflowId}`;
    return opened ? null : { kind: 'scheduled', allowsOpenRun };
  };
}

/** An open run of the lifecycle beside the automatic one; null if there is none. */
export async function otherOpenRun(
  sql: Query,
  { tenant, lifecycle, run }: LifecycleName & { readonly run: RunId | null },
): Promise<RunId | null> {
  const [other] = await sql<Columns<typeof runs, 'id'>[]>`
    select id from runs where tenant_id = ${tenant} and lifecycle = ${lifecycle} and ended_at is null
      and parent_run_id is null and id is distinct from ${run} and request->'batch' is null
    order by id limit 1`;
  return other?.id ?? null;
}

/** The time now, which the start of the transaction is not, because it waited for the lock. */
async function readClock(tx: Transaction): Promise<string> {
  const [clock] = await tx<{ at: string }[]>`select clock_timestamp() as at`;
  if (!clock) throw new Error('the database returned no time');
  return new Date(clock.at).toISOString();
}

async function revisionInForce(
  tx: Transaction,
  { tenant, lifecycle }: LifecycleName,
): Promise<CurrentSpec> {
  const [row] = await tx<Columns<typeof lifecycleRevisions, 'digest' | 'spec'>[]>`
    select r.digest, r.spec from lifecycles l
    join lifecycle_revisions r on r.tenant_id = l.tenant_id and r.lifecycle = l.name and r.revision = l.current_revision
    where l.tenant_id = ${tenant} and l.name = ${lifecycle} and l.deleted_at is null`;
  if (!row)
    throw failure('NotFound', `there is no lifecycle ${lifecycle}`, {
      next: 'perennial lifecycle list',
    });
  return row;
}

async function startRun(
  tx: Transaction,
  { tenant, lifecycle }: LifecycleName,
  {
    effect,
    revision,
    request,
  }: {
    readonly effect: Extract<RetrainingEffect, { readonly kind: 'start' | 'open' }>;
    readonly revision: CurrentSpec;
    readonly request: RetrainingRequest;
  },
): Promise<RunId> {
  if (effect.kind === 'open') {
    if (request.kind !== 'scheduled') throw new Error('only a schedule opens a run');
    return request.open();
  }
  const { kind, reason } = effect.cause;
  const { id } = await acceptOne(tx, {
    tenant,
    lifecycle,
    revisionDigest: revision.digest,
    request: { reason },
    actor: `${retrainingActor}:${kind}`,
    traceId: randomBytes(16).toString('hex'),
  });
  return id;
}

async function execute(
  tx: Transaction,
  of: LifecycleName,
  {
    effect,
    revision,
  }: {
    readonly effect: Exclude<RetrainingEffect, { readonly kind: 'start' | 'open' }>;
    readonly revision: CurrentSpec;
  },
): Promise<void> {
  const { tenant, lifecycle } = of;
  switch (effect.kind) {
    case 'cancel': {
      const payload: RunCancelPayload = { runId: effect.runId };
      await enqueueOutbox(tx, { tenant, topic: 'run.cancel', payload });
      return;
    }
    case 'hold':
      await raiseIncident(tx, holdIncident(of, effect.data, revision));
      return;
    case 'release': {
      const because = effect.isOverdue
        ? `the hold has lasted for ${formatSeconds(maxHoldSeconds)}, as long as it may`
        : `${effect.data.name} is no longer broken`;
      await resolveIncident(tx, {
        tenant,
        model: lifecycle,
        key: holdKey,
        because,
        actor: retrainingActor,
      });
      return;
    }
    case 'stop':
      await raiseIncident(tx, stopIncident(of, effect));
      return;
    case 'resume':
      await resolveIncident(tx, {
        tenant,
        model: lifecycle,
        key: alarmsStopKey,
        because: 'a run has released a new version',
        actor: retrainingActor,
      });
      return;
  }
}

async function store(
  tx: Transaction,
  { tenant, lifecycle }: LifecycleName,
  state: RetrainingState,
): Promise<void> {
  const now = await readClock(tx);
  const dueAt = retrainingDueAt(state, now);
  // The run that is in the way may be one that nothing here waits for.
  const again = new Date(Date.parse(now) + lookAgainSeconds * 1000).toISOString();
  const waitsForPerson = state.hold !== null || state.stopped;
  const next = waitsForPerson || (dueAt !== null && dueAt <= now) ? again : dueAt;
  await tx`
    update retrainings set state = ${toJson(state)}, run_id = ${state.run}, due_at = ${next}, updated_at = now()
    where tenant_id = ${tenant} and lifecycle = ${lifecycle}`;
}
