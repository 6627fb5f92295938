import { failure } from '../../domain/failure';
import type {
  DecisionId,
  IdempotencyKey,
  PredictionId,
  RolloutId,
  RunId,
  Tenant,
} from '../../domain/ids';
import type { CanarySpec, GuardrailSpec } from '../../domain/lifecycle/lifecycle';
import { haveSamePolicy, canaryAtAttempt, showsHarm } from '../../domain/rollout/judging/attempts';
import type { LabelledVerdictPair } from '../../domain/rollout/judging/judge-labels';
import {
  isOpenRollout,
  type OpenRolloutStatus,
  type RolloutRollback,
  type RolloutStatus,
} from '../../domain/rollout/rollout';
import type {
  PossibleLosses,
  AnswerCounts,
  CountsByArm,
  RolloutState,
} from '../../domain/rollout/state';
import type { Verdict } from '../../domain/decision/verdict';
import { lockModel, statusOf } from '../alias/state';
import type { Database, Transaction } from '../connection';
import { toJson } from '../document';
import { runIdempotently } from '../idempotency/idempotency';
import { newId } from '../ids';
import { afterKey, rowsToAsk, toPage, type Page, type PageRequest } from '../page';
import { consume } from './consume';
import { endRollout, noteEpoch, record, rolloutShare, type Cause } from './change';
import { lockRollout, openRolloutOf, rolloutOfRun, toRecord, type RolloutRow } from './state';
import { readTraffic, trafficSpanOf } from './traffic';
import { raiseRoutingEpoch } from '../serving/routing-epoch';
import { guardRun, lockRun } from '../run/guard';

export interface RolloutRecord {
  readonly tenant: Tenant;
  /** `roll_…`. It also salts the assignment of entities, so that each rollout assigns anew. */
  readonly id: RolloutId;
  readonly model: string;
  readonly runId: RunId;
  readonly champion: number;
  readonly challenger: number;
  readonly status: RolloutStatus;
  readonly spec: CanarySpec;
  /** Both arms score every request. */
  readonly paired: boolean;
  /** Event time after which a label is due. */
  readonly availableAfterSeconds: number;
  /** Index into `spec.steps`. */
  readonly step: number;
  /** The challenger's share of entities, 0–1. */
  readonly weight: number;
  /** The routing epoch of its last change. Gateways at this epoch apply it. */
  readonly epoch: number;
  readonly state: RolloutState;
  /** Event time that people added to the spec's `maxDuration`. */
  readonly extendedSeconds: number;
  /** Event time, once there was traffic. */
  readonly eventStartedAt: string | null;
  readonly eventNow: string | null;
  readonly verdict: Verdict | null;
  readonly decisionId: DecisionId | null;
  readonly waitingFor: string | null;
  /** How fast a rollback was, once measured. */
  readonly rollback: RolloutRollback | null;
  readonly startedAt: string;
  readonly stepStartedAt: string;
  readonly endedAt: string | null;
}

/**
 * A request whose label is due. A score is null if the version gave none, for example after an
 * error. For a language application it is the quality of the answer by its feedback.
 */
export interface DuePair {
  readonly predictionId: PredictionId;
  /** Time of receipt if the request has no event time. */
  readonly eventTime: string;
  /** True is 1 and false is 0. For an answer it is always 1, the score of a right one. */
  readonly label: number;
  readonly champion: number | null;
  readonly challenger: number | null;
  readonly servedBy: 'champion' | 'challenger';
  /** The arm of the entity, also if the challenger failed and the champion answered. */
  readonly assigned: 'champion' | 'challenger';
  /** Index of the step in which it was served. */
  readonly step: number;
  /** For a language application: both versions gave the same text. */
  readonly sameAnswer?: boolean;
  /**
   * For a multiclass model: the label is 1, and the scores are the probabilities of the true class.
   */
  readonly possible?: PossibleLosses;
}

export interface RolloutTraffic {
  /**
   * Event time reached so far. It never goes back, and is null before three requests were stored.
   */
  readonly eventNow: string | null;
  /** Labels of requests up to here are due and had time to arrive. */
  readonly ripeUntil: string | null;
  /** Of the current step, and of all. */
  readonly step: CountsByArm;
  readonly total: CountsByArm;
  /** Of the current step. */
  readonly answers: AnswerCounts;
}

/**
 * `ripeUntil`: every label up to here was handed out. It may go back while a queue is processed.
 */
export interface DueBatch extends RolloutTraffic {
  /** All labels of people, if a judge scores the answers and there are new ones. */
  readonly checked?: readonly LabelledVerdictPair[];
  /** By event time, then id. Late labels come in a later batch, whatever their event time. */
  readonly pairs: readonly DuePair[];
}

export interface Consumption {
  readonly rollout: RolloutRecord;
  /** Labels counted by this call. */
  readonly consumed: number;
  /** False: call again at once. */
  readonly isDrained: boolean;
  /** Wall-clock seconds since a request was last stored, or since the rollout began. */
  readonly idleSeconds: number;
  readonly traffic: RolloutTraffic;
}

export interface RolloutName {
  readonly tenant: Tenant;
  readonly id: RolloutId;
}

export type RolloutOpening =
  /** It may have ended since: a run has one rollout. */
  | { readonly kind: 'opened'; readonly rollout: RolloutRecord }
  | { readonly kind: 'busy'; readonly rollout: RolloutRecord }
  /**
   * An earlier rollout of the same artifacts under the same policy showed harm, which stays valid.
   */
  | { readonly kind: 'harmShown'; readonly rollout: RolloutRecord }
  | { readonly kind: 'conflict'; readonly champion: number | null };

export type RolloutChange =
  /** Gateways that confirmed this epoch apply the change. */
  | { readonly kind: 'set'; readonly epoch: number }
  | { readonly kind: 'ended'; readonly rollout: RolloutRecord };

/**
 * Canary rollouts. Each change is one transaction under the rollout's row lock: the row, an audit
 * row and a run event. A change of routing also raises the routing epoch and notifies the gateways.
 * A repetition changes nothing. Every change but an end throws FencedOff when the run has ended or
 * is being undone. A move of the champion ends the model's open rollout in the same transaction: as
 * `promoted` if it promotes the challenger, else as `superseded`.
 */
export interface RolloutRepository {
  /**
   * Opens a shadow rollout; `setStep` sends traffic. A second call for the run returns its rollout,
   * ended or not. Throws FencedOff when the run has ended or is being undone, Conflict when the
   * challenger was rejected or withdrawn. The stored spec has this attempt's share of alpha.
   * Rollouts of the same two manifests that saw labels count as attempts, whatever their policies.
   */
  open(
    input: Cause & {
      readonly tenant: Tenant;
      readonly runId: RunId;
      readonly model: string;
      readonly champion: { readonly version: number; readonly fencing: number };
      readonly challenger: number;
      readonly spec: CanarySpec;
      readonly paired: boolean;
      readonly availableAfterSeconds: number;
      readonly state: RolloutState;
    },
  ): Promise<RolloutOpening>;
  /**
   * The current step and weight change nothing. Throws Conflict for an earlier step, so that a late
   * attempt cannot move the rollout back.
   */
  setStep(
    input: RolloutName & Cause & { readonly step: number; readonly weight: number },
  ): Promise<RolloutChange>;
  /** Omitted fields stay. A rollout that has passed no longer scores requests beside the answer. */
  setStatus(
    input: RolloutName &
      Cause & {
        readonly status: OpenRolloutStatus;
        /**
         * Changes nothing in another status, because it may have changed since the caller read it.
         */
        readonly only?: OpenRolloutStatus;
        readonly waitingFor: string | null;
        /** 0 stops the challenger's traffic while people decide. */
        readonly weight?: number | undefined;
        readonly verdict?: Verdict | undefined;
        readonly decisionId?: DecisionId | undefined;
      },
  ): Promise<RolloutChange>;
  /** Applies once for each key. */
  extend(
    input: RolloutName & Cause & { readonly seconds: number; readonly key: IdempotencyKey },
  ): Promise<
    | { readonly kind: 'extended'; readonly extendedSeconds: number }
    | { readonly kind: 'ended'; readonly rollout: RolloutRecord }
  >;
  /** Sends all traffic to the champion. The first end wins, and later calls return it. */
  end(
    input: RolloutName &
      Cause & {
        readonly status: 'rolledBack' | 'aborted';
        readonly verdict: Verdict | null;
        readonly decisionId: DecisionId | null;
      },
  ): Promise<{
    readonly rollout: RolloutRecord;
    readonly epoch: number;
    readonly changed: boolean;
  }>;
  /** Stores a measured rollback; the last one stays. */
  confirmRollback(input: RolloutName & { readonly rollback: RolloutRollback }): Promise<void>;
  /**
   * Hands out at most `limit` due labels and folds them into the state, in one transaction. `fold`
   * runs under a lock, also without labels, but not for an ended rollout.
   */
  consume(
    input: RolloutName & {
      readonly limit: number;
      /** Wall-clock time that labels get to arrive once they are due in event time. */
      readonly settleMs: number;
      /** `at` is the locked row, because the caller may not know of a change yet. */
      readonly fold: (
        state: RolloutState,
        batch: DueBatch,
        at: Pick<RolloutRecord, 'step' | 'extendedSeconds'>,
      ) => RolloutState;
    },
  ): Promise<Consumption>;
  traffic(input: RolloutName): Promise<RolloutTraffic>;
  get(input: RolloutName): Promise<RolloutRecord | null>;
  ofRun(input: { readonly tenant: Tenant; readonly runId: RunId }): Promise<RolloutRecord | null>;
  /** The open one, else the newest. */
  current(input: {
    readonly tenant: Tenant;
    readonly model: string;
  }): Promise<RolloutRecord | null>;
  /**
   * The open rollout that a command addresses. A repeated key returns the same one. Null if none is
   * open, and the key stays unused.
   */
  addressee(input: {
    readonly tenant: Tenant;
    readonly model: string;
    readonly key: string;
    readonly request: unknown;
  }): Promise<RolloutId | null>;
  /** Newest first. */
  list(
    input: { readonly tenant: Tenant; readonly model: string } & PageRequest,
  ): Promise<Page<RolloutRecord>>;
}

export function createRolloutRepository({ sql }: Database): RolloutRepository {
  return {
    open: (input) => sql.begin((tx) => open(tx, input)),

    setStep: ({ step, weight, actor, cause, ...name }) =>
      sql.begin(async (tx) => {
        const row = await lockRollout(tx, name);
        if (!isOpenRollout(row.status)) return { kind: 'ended', rollout: toRecord(row) };
        await guardRollout(tx, row);
        if (!Number.isInteger(step) || step < 0 || step >= row.spec.steps.length) {
          throw failure(
            'InvalidInput',
            `rollout ${row.id} has steps 0 to ${row.spec.steps.length - 1}, not ${step}`,
          );
        }
        if (step < row.step)
          throw failure(
            'Conflict',
            `rollout ${row.id} is already in step ${row.step} and cannot go back to ${step}`,
          );
        if (step === row.step && weight === row.weight) return { kind: 'set', epoch: row.epoch };
        await tx`
          update rollouts set step = ${step}, weight = ${weight},
            step_started_at = case when step = ${step} then step_started_at else clock_timestamp() end
          where tenant_id = ${name.tenant} and id = ${name.id}`;
        const [before, after] = [rolloutShare(row), { ...rolloutShare(row), step, weight }];
        await record(tx, row, {
          action: 'rollout.step',
          event: 'rollout.advanced',
          actor,
          cause,
          before,
          after,
        });
        return { kind: 'set', epoch: await reroute(tx, row) };
      }),

    setStatus: ({ status, only, waitingFor, weight, verdict, decisionId, actor, cause, ...name }) =>
      sql.begin(async (tx) => {
        const row = await lockRollout(tx, name);
        if (!isOpenRollout(row.status)) return { kind: 'ended', rollout: toRecord(row) };
        if (only !== undefined && row.status !== only) return { kind: 'set', epoch: row.epoch };
        await guardRollout(tx, row);
        const after = { ...rolloutShare(row), status, weight: weight ?? row.weight };
        await tx`
          update rollouts set status = ${status}, weight = ${after.weight}, waiting_for = ${waitingFor},
            verdict = ${toJson(verdict ?? row.verdict)}, decision_id = ${decisionId ?? row.decisionId}
          where tenant_id = ${name.tenant} and id = ${name.id}`;
        if (status === row.status && after.weight === row.weight)
          return { kind: 'set', epoch: row.epoch };
        const event = status === row.status ? null : statusEvents[status];
        await record(tx, row, {
          action: 'rollout.status',
          event,
          actor,
          cause,
          before: rolloutShare(row),
          after,
          data: { waitingFor },
        });
        const isRouted =
          after.weight !== row.weight || (status === 'passed') !== (row.status === 'passed');
        return { kind: 'set', epoch: isRouted ? await reroute(tx, row) : row.epoch };
      }),

    extend: ({ seconds, key, actor, cause, ...name }) =>
      sql.begin(async (tx) => {
        const row = await lockRollout(tx, name);
        if (!isOpenRollout(row.status)) return { kind: 'ended', rollout: toRecord(row) };
        await guardRollout(tx, row);
        const request = { id: name.id, seconds };
        const extendedSeconds = await runIdempotently(
          tx,
          { tenant: name.tenant, operation: 'rollout.extend', key, request },
          async () => {
            const total = row.extendedSeconds + seconds;
            await tx`update rollouts set extended_seconds = ${total} where tenant_id = ${name.tenant} and id = ${name.id}`;
            const data = { extendedSeconds: total };
            await record(tx, row, {
              action: 'rollout.extend',
              event: 'rollout.extended',
              actor,
              cause,
              after: rolloutShare(row),
              data,
            });
            return total;
          },
        );
        return { kind: 'extended', extendedSeconds };
      }),

    end: ({ status, verdict, decisionId, actor, cause, ...name }) =>
      sql.begin(async (tx) => {
        const row = await lockRollout(tx, name);
        if (!isOpenRollout(row.status))
          return { rollout: toRecord(row), epoch: row.epoch, changed: false };
        await endRollout(tx, row, { status, verdict, decisionId, actor, cause });
        const epoch = await reroute(tx, row);
        return { rollout: toRecord(await lockRollout(tx, name)), epoch, changed: true };
      }),

    async confirmRollback({ tenant, id, rollback }) {
      await sql`update rollouts set rollback = ${toJson(rollback)} where tenant_id = ${tenant} and id = ${id}`;
    },

    consume: (input) => sql.begin((tx) => consume(tx, input)),

    async traffic({ tenant, id }) {
      const [row] = await sql<
        RolloutRow[]
      >`select * from rollouts where tenant_id = ${tenant} and id = ${id}`;
      if (!row) throw failure('NotFound', `there is no rollout ${id}`);
      return readTraffic(sql, row);
    },

    async get({ tenant, id }) {
      const [row] = await sql<
        RolloutRow[]
      >`select * from rollouts where tenant_id = ${tenant} and id = ${id}`;
      return row ? toRecord(row) : null;
    },

    async ofRun(run) {
      const row = await rolloutOfRun(sql, run);
      return row ? toRecord(row) : null;
    },

    async current({ tenant, model }) {
      const [newest] = await sql<RolloutRow[]>`
        select * from rollouts where tenant_id = ${tenant} and model = ${model} order by ended_at is null desc, id desc limit 1`;
      return newest ? toRecord(newest) : null;
    },

    addressee: ({ tenant, model, key, request }) =>
      sql.begin((tx) =>
        runIdempotently(
          tx,
          { tenant, operation: 'rollout.command', key, request: { model, request } },
          async () => (await openRolloutOf(tx, { tenant, model }))?.id ?? null,
          (id) => id !== null,
        ),
      ),

    async list({ tenant, model, ...page }) {
      const after = afterKey(page);
      const rows = await sql<RolloutRow[]>`
        select * from rollouts where tenant_id = ${tenant} and model = ${model} and ${after === null ? sql`true` : sql`id < ${after}`}
        order by id desc limit ${rowsToAsk(page)}`;
      return toPage(rows, page, (row) => row.id, toRecord);
    },
  };
}

const statusEvents = {
  running: 'rollout.resumed',
  held: 'rollout.held',
  passed: 'rollout.passed',
} as const;

async function open(
  tx: Transaction,
  input: Parameters<RolloutRepository['open']>[0],
): Promise<RolloutOpening> {
  const {
    tenant,
    runId,
    model,
    champion,
    challenger,
    paired,
    availableAfterSeconds,
    state,
    actor,
    cause,
  } = input;
  const { aliases } = await lockModel(tx, { tenant, model });
  await lockRun(tx, { tenant, runId });
  const own = await rolloutOfRun(tx, { tenant, runId });
  if (own) return { kind: 'opened', rollout: toRecord(own) };
  await guardRun(tx, { tenant, runId });
  const busy = await openRolloutOf(tx, { tenant, model });
  if (busy) return { kind: 'busy', rollout: toRecord(busy) };
  const now = aliases.champion;
  if (now?.version !== champion.version || now.fencing !== champion.fencing)
    return { kind: 'conflict', champion: now?.version ?? null };
  const versionStatus = await statusOf(tx, { tenant, model, version: challenger });
  if (versionStatus === 'rejected' || versionStatus === 'withdrawn') {
    throw failure(
      'Conflict',
      `${model}@${challenger} was ${versionStatus} and cannot be tried on traffic`,
    );
  }
  const earlier = await earlierOf(tx, { tenant, model, champion: champion.version, challenger });
  const refuted = earlier.find(
    (each) =>
      each.verdict !== null && showsHarm(each.verdict) && haveSamePolicy(each.spec, input.spec),
  );
  if (refuted) return { kind: 'harmShown', rollout: toRecord(refuted) };
  const spec = canaryAtAttempt(input.spec, 1 + earlier.length);
  const maxOf = (name: GuardrailSpec['name']) =>
    spec.guardrails.find((guardrail) => guardrail.name === name)?.max ?? null;
  const [row] = await tx<RolloutRow[]>`
    insert into rollouts (tenant_id, id, model, run_id, champion, challenger, status, spec, paired, available_after_seconds, slow_ms, slow_first_token_ms,
      most_tokens, traffic_span_seconds, step, weight, epoch, state)
    values (${tenant}, ${newId('roll')}, ${model}, ${runId}, ${champion.version}, ${challenger}, 'running', ${toJson(spec)}, ${paired},
      ${availableAfterSeconds}, ${maxOf('latency_ms')}, ${maxOf('first_token_ms')}, ${maxOf('tokens')}, ${trafficSpanOf(spec)}, 0, 0, 0, ${toJson(state)})
    returning *`;
  if (!row) throw new Error('the database did not return the inserted rollout');
  await record(tx, row, {
    action: 'rollout.open',
    event: 'rollout.started',
    actor,
    cause,
    after: rolloutShare(row),
  });
  return { kind: 'opened', rollout: toRecord({ ...row, epoch: await reroute(tx, row) }) };
}

/** Ended rollouts of the same two manifests that counted a label, newest first. */
async function earlierOf(
  tx: Transaction,
  {
    tenant,
    model,
    champion,
    challenger,
  }: Pick<RolloutRow, 'model' | 'champion' | 'challenger'> & { readonly tenant: Tenant },
): Promise<readonly RolloutRow[]> {
  return tx<RolloutRow[]>`
    select o.* from rollouts o
    join model_versions c on c.tenant_id = o.tenant_id and c.model = o.model and c.version = o.champion
    join model_versions h on h.tenant_id = o.tenant_id and h.model = o.model and h.version = o.challenger
    where o.tenant_id = ${tenant} and o.model = ${model} and o.ended_at is not null
      and c.digest = (select digest from model_versions where tenant_id = ${tenant} and model = ${model} and version = ${champion})
      and h.digest = (select digest from model_versions where tenant_id = ${tenant} and model = ${model} and version = ${challenger})
      and exists (select from rollout_traffic t where t.tenant_id = o.tenant_id and t.rollout_id = o.id
        and t.champion_labelled + t.challenger_labelled > 0)
    order by o.id desc`;
}

async function guardRollout(
  tx: Transaction,
  { tenantId: tenant, runId }: RolloutRow,
): Promise<void> {
  await lockRun(tx, { tenant, runId });
  await guardRun(tx, { tenant, runId });
}

/** Last in its transaction, because all models share the epoch's row. */
async function reroute(tx: Transaction, row: RolloutRow): Promise<number> {
  const epoch = await raiseRoutingEpoch(tx);
  await noteEpoch(tx, row, epoch);
  return epoch;
}
