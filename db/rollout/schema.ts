import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  doublePrecision,
  foreignKey,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import type { DecisionId, RolloutId, RunId } from '../../domain/ids';
import type { CanarySpec } from '../../domain/rollout/canary';
import {
  rolloutStatuses,
  type RolloutRollback,
  type RolloutStatus,
} from '../../domain/rollout/rollout';
import type { RolloutState } from '../../domain/rollout/state';
import type { Verdict } from '../../domain/verdict';
import { bytewise, counter, document, instant, restrictTo, tenantId } from '../columns';
import { decisions } from '../decision/schema';
import { modelVersions } from '../model/schema';
import { runs } from '../run/schema';

/** Canary and A/B rollouts: at most one open for each model, and one for each run. */
export const rollouts = pgTable(
  'rollouts',
  {
    tenantId: tenantId(),
    id: bytewise('id').$type<RolloutId>().notNull(),
    model: text('model').notNull(),
    runId: bytewise('run_id').$type<RunId>().notNull(),
    champion: integer('champion').notNull(),
    challenger: integer('challenger').notNull(),
    status: text('status').$type<RolloutStatus>().notNull(),
    spec: document<CanarySpec>('spec').notNull(),
    paired: boolean('paired').notNull(),
    availableAfterSeconds: doublePrecision('available_after_seconds').notNull(),
    /** Limit of the latency guardrail. Slower answers are counted when they are stored. */
    slowMs: doublePrecision('slow_ms'),
    /** Limits of the guardrails for the first token and for tokens. */
    slowFirstTokenMs: doublePrecision('slow_first_token_ms'),
    mostTokens: doublePrecision('most_tokens'),
    /** Width of the spans of event time in which traffic is counted. */
    trafficSpanSeconds: integer('traffic_span_seconds').notNull().default(3600),
    /** Index into the spec's steps. */
    step: integer('step').notNull(),
    /** The challenger's share of entities, 0–1. */
    weight: doublePrecision('weight').notNull(),
    /** Routing epoch of this rollout's last change. */
    epoch: counter('epoch').notNull(),
    /** Evidence from labels, updated in the transaction that counts them. */
    state: document<RolloutState>('state').notNull(),
    /** Event time that people added to the spec's `maxDuration`. */
    extendedSeconds: doublePrecision('extended_seconds').notNull().default(0),
    /** Event time, once there was traffic. `event_now` never goes back. */
    eventStartedAt: instant('event_started_at'),
    eventNow: instant('event_now'),
    /** The challenger that an A/B rollout promotes; null: `challenger`. */
    winner: integer('winner'),
    verdict: document<Verdict>('verdict'),
    decisionId: bytewise('decision_id').$type<DecisionId>(),
    waitingFor: text('waiting_for'),
    rollback: document<RolloutRollback>('rollback'),
    startedAt: instant('started_at').notNull().defaultNow(),
    stepStartedAt: instant('step_started_at').notNull().defaultNow(),
    endedAt: instant('ended_at'),
  },
  (t) => [
    primaryKey({ name: 'rollouts_pk', columns: [t.tenantId, t.id] }),
    unique('rollouts_run_unique').on(t.tenantId, t.runId),
    index('rollouts_by_model').on(t.tenantId, t.model, t.id),
    foreignKey({
      name: 'rollouts_run_fk',
      columns: [t.tenantId, t.runId],
      foreignColumns: [runs.tenantId, runs.id],
    }),
    foreignKey({
      name: 'rollouts_decision_fk',
      columns: [t.tenantId, t.decisionId],
      foreignColumns: [decisions.tenantId, decisions.id],
    }),
    foreignKey({
      name: 'rollouts_champion_fk',
      columns: [t.tenantId, t.model, t.champion],
      foreignColumns: [modelVersions.tenantId, modelVersions.model, modelVersions.version],
    }),
    foreignKey({
      name: 'rollouts_challenger_fk',
      columns: [t.tenantId, t.model, t.challenger],
      foreignColumns: [modelVersions.tenantId, modelVersions.model, modelVersions.version],
    }),
    uniqueIndex('rollouts_one_open')
      .on(t.tenantId, t.model)
      .where(sql`${t.endedAt} is null`),
    restrictTo('rollouts_status_check', t.status, rolloutStatuses),
    check(
      'rollouts_ended_check',
      sql`(${t.endedAt} is null) = (${t.status} in ('running', 'held', 'passed'))`,
    ),
    check('rollouts_arms_check', sql`${t.champion} <> ${t.challenger}`),
    check('rollouts_weight_check', sql`${t.weight} between 0 and 1`),
  ],
);

/**
 * Requests of a rollout by step and span of event time (`rollouts.traffic_span_seconds`). They are
 * counted in the transaction that stores them, so that no query has to read them again.
 */
export const rolloutTraffic = pgTable(
  'rollout_traffic',
  {
    tenantId: tenantId(),
    rolloutId: bytewise('rollout_id').notNull(),
    step: integer('step').notNull(),
    spanStart: instant('span_start').notNull(),
    newest: instant('newest').notNull(),
    /** Wall-clock time at which the newest of these requests was stored. */
    storedAt: instant('stored_at').notNull().defaultNow(),
    /** Requests by assigned arm, whichever version answered. */
    championAssigned: counter('champion_assigned').notNull(),
    challengerAssigned: counter('challenger_assigned').notNull(),
    /**
     * Assigned requests that took longer than the guardrail allows. A failed challenger counts as
     * slow.
     */
    championSlow: counter('champion_slow').notNull(),
    challengerSlow: counter('challenger_slow').notNull(),
    /** Requests sent to an arm, also beside the answer, and those that failed. */
    championAsked: counter('champion_asked').notNull(),
    challengerAsked: counter('challenger_asked').notNull(),
    championErrors: counter('champion_errors').notNull(),
    challengerErrors: counter('challenger_errors').notNull(),
    /** Requests assigned to the challenger that it failed. */
    challengerFallbacks: counter('challenger_fallbacks').notNull().default(0),
    /** Requests assigned to the champion whose answer broke off. */
    championBroken: counter('champion_broken').notNull().default(0),
    /**
     * Of a language application: streamed requests by assigned arm, and those whose first token was
     * late or missing.
     */
    championStreamed: counter('champion_streamed').notNull().default(0),
    championLate: counter('champion_late').notNull().default(0),
    challengerStreamed: counter('challenger_streamed').notNull().default(0),
    challengerLate: counter('challenger_late').notNull().default(0),
    /**
     * The challenger's answers with too many tokens, blocked by its policy, or without the promised
     * JSON. In a shadow step these are the answers beside, otherwise the served ones.
     */
    challengerCostly: counter('challenger_costly').notNull().default(0),
    challengerBlocked: counter('challenger_blocked').notNull().default(0),
    challengerMalformed: counter('challenger_malformed').notNull().default(0),
    /** Counted labels by assigned arm. */
    championLabelled: counter('champion_labelled').notNull().default(0),
    challengerLabelled: counter('challenger_labelled').notNull().default(0),
    /** Entities by assigned arm, each counted once in a step; for a rollout by arms. */
    championEntities: counter('champion_entities').notNull().default(0),
    challengerEntities: counter('challenger_entities').notNull().default(0),
  },
  (t) => [
    primaryKey({
      name: 'rollout_traffic_pk',
      columns: [t.tenantId, t.rolloutId, t.step, t.spanStart],
    }),
    foreignKey({
      name: 'rollout_traffic_rollout_fk',
      columns: [t.tenantId, t.rolloutId],
      foreignColumns: [rollouts.tenantId, rollouts.id],
    }),
  ],
);

/**
 * Rows of requests of a rollout that no version answered, by the version to which their entity is
 * assigned. The prediction log does not hold them. They are counted for each gateway, minute of event
 * time and hour of wall-clock time.
 */
export const rolloutFailures = pgTable(
  'rollout_failures',
  {
    tenantId: tenantId(),
    rolloutId: bytewise('rollout_id').notNull(),
    step: integer('step').notNull(),
    version: integer('version').notNull(),
    minute: instant('minute').notNull(),
    hour: instant('hour').notNull(),
    gatewayId: text('gateway_id').notNull(),
    /** The whole number so far, so that a gateway may report it again. */
    failed: counter('failed').notNull(),
  },
  (t) => [
    primaryKey({
      name: 'rollout_failures_pk',
      columns: [t.tenantId, t.rolloutId, t.step, t.version, t.minute, t.hour, t.gatewayId],
    }),
    foreignKey({
      name: 'rollout_failures_rollout_fk',
      columns: [t.tenantId, t.rolloutId],
      foreignColumns: [rollouts.tenantId, rollouts.id],
    }),
  ],
);

/** The versions of an A/B rollout, the champion last. */
export const rolloutArms = pgTable(
  'rollout_arms',
  {
    tenantId: tenantId(),
    rolloutId: bytewise('rollout_id').$type<RolloutId>().notNull(),
    version: integer('version').notNull(),
    model: text('model').notNull(),
    /** Order of the assignment. */
    position: integer('position').notNull(),
    /** The planned share of entities, 0–1. */
    share: doublePrecision('share').notNull(),
    /** Entities that were assigned to it, each counted with its first request. */
    entities: counter('entities').notNull().default(0),
    /** When harm took its traffic. */
    stoppedAt: instant('stopped_at'),
  },
  (t) => [
    primaryKey({ name: 'rollout_arms_pk', columns: [t.tenantId, t.rolloutId, t.version] }),
    foreignKey({
      name: 'rollout_arms_rollout_fk',
      columns: [t.tenantId, t.rolloutId],
      foreignColumns: [rollouts.tenantId, rollouts.id],
    }),
    foreignKey({
      name: 'rollout_arms_version_fk',
      columns: [t.tenantId, t.model, t.version],
      foreignColumns: [modelVersions.tenantId, modelVersions.model, modelVersions.version],
    }),
    check('rollout_arms_share_check', sql`${t.share} > 0 and ${t.share} < 1`),
  ],
);

/** The entities of an open rollout by arms, by a hash of their keys, to count each once in a step. */
export const rolloutEntities = pgTable(
  'rollout_entities',
  {
    tenantId: tenantId(),
    rolloutId: bytewise('rollout_id').notNull(),
    entity: bigint('entity', { mode: 'bigint' }).notNull(),
    step: integer('step').notNull().default(0),
  },
  (t) => [
    primaryKey({
      name: 'rollout_entities_pk',
      columns: [t.tenantId, t.rolloutId, t.entity, t.step],
    }),
    foreignKey({
      name: 'rollout_entities_rollout_fk',
      columns: [t.tenantId, t.rolloutId],
      foreignColumns: [rollouts.tenantId, rollouts.id],
    }),
  ],
);

/**
 * The losses of a version's answers by entity and step, of an open rollout by arms. An entity is one
 * of 65,536 buckets of a hash that is salted by the rollout, so the table is bounded and holds no key.
 */
export const rolloutEntityLosses = pgTable(
  'rollout_entity_losses',
  {
    tenantId: tenantId(),
    rolloutId: bytewise('rollout_id').notNull(),
    version: integer('version').notNull(),
    bucket: integer('bucket').notNull(),
    step: integer('step').notNull(),
    /** Days before the latest one, and the sum of their mean losses. */
    days: integer('days').notNull(),
    loss: doublePrecision('loss').notNull(),
    /** The latest day with a label, its labels and the sum of their losses. */
    day: integer('day').notNull(),
    labels: integer('labels').notNull(),
    sum: doublePrecision('sum').notNull(),
  },
  (t) => [
    primaryKey({
      name: 'rollout_entity_losses_pk',
      columns: [t.tenantId, t.rolloutId, t.version, t.bucket, t.step],
    }),
    foreignKey({
      name: 'rollout_entity_losses_rollout_fk',
      columns: [t.tenantId, t.rolloutId],
      foreignColumns: [rollouts.tenantId, rollouts.id],
    }),
  ],
);

/** Requests of an A/B rollout by the version to which their entity is assigned. */
export const rolloutArmTraffic = pgTable(
  'rollout_arm_traffic',
  {
    tenantId: tenantId(),
    rolloutId: bytewise('rollout_id').notNull(),
    version: integer('version').notNull(),
    spanStart: instant('span_start').notNull(),
    assigned: counter('assigned').notNull(),
    /** Requests that it failed, answered by the champion. */
    failed: counter('failed').notNull(),
    /** Requests that took longer than the guardrail allows, or that it failed. */
    slow: counter('slow').notNull(),
    labelled: counter('labelled').notNull().default(0),
  },
  (t) => [
    primaryKey({
      name: 'rollout_arm_traffic_pk',
      columns: [t.tenantId, t.rolloutId, t.version, t.spanStart],
    }),
    foreignKey({
      name: 'rollout_arm_traffic_arm_fk',
      columns: [t.tenantId, t.rolloutId, t.version],
      foreignColumns: [rolloutArms.tenantId, rolloutArms.rolloutId, rolloutArms.version],
    }),
  ],
);
