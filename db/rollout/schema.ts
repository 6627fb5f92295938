import { sql } from 'drizzle-orm';
import {
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
import type { CanarySpec } from '../../domain/lifecycle/lifecycle';
import {
  rolloutStatuses,
  type RolloutRollback,
  type RolloutStatus,
} from '../../domain/rollout/rollout';
import type { RolloutState } from '../../domain/rollout/state';
import type { Verdict } from '../../domain/decision/verdict';
import { bytewise, counter, document, instant, oneOf, tenantId } from '../columns';
import { decisions } from '../decision/schema';
import { modelVersions } from '../model/schema';
import { runs } from '../run/schema';

/** A canary or A/B: one open one a model, and one a run. */
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
    /** Of the spec's latency guardrail; answers above it are counted as they are stored. */
    slowMs: doublePrecision('slow_ms'),
    /** Of its guardrails of a first token and of tokens, likewise. */
    slowFirstTokenMs: doublePrecision('slow_first_token_ms'),
    mostTokens: doublePrecision('most_tokens'),
    /** Width of the spans of event time that its traffic is counted by. */
    trafficSpanSeconds: integer('traffic_span_seconds').notNull().default(3600),
    /** Index into the spec's steps. */
    step: integer('step').notNull(),
    /** The challenger's share of entities, 0–1. */
    weight: doublePrecision('weight').notNull(),
    /** Of the routing table, as of this rollout's last change of it. */
    epoch: counter('epoch').notNull(),
    /** What was learned from labels, in one transaction with taking them into account. */
    state: document<RolloutState>('state').notNull(),
    /** Event time that people added to the spec's `maxDuration`. */
    extendedSeconds: doublePrecision('extended_seconds').notNull().default(0),
    /** Event time, once there was traffic; the second never goes back. */
    eventStartedAt: instant('event_started_at'),
    eventNow: instant('event_now'),
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
    oneOf('rollouts_status_check', t.status, rolloutStatuses),
    check(
      'rollouts_ended_check',
      sql`(${t.endedAt} is null) = (${t.status} in ('running', 'held', 'passed'))`,
    ),
    check('rollouts_arms_check', sql`${t.champion} <> ${t.challenger}`),
    check('rollouts_weight_check', sql`${t.weight} between 0 and 1`),
  ],
);

/**
 * Requests of a rollout, counted by step and by span of event time
 * (`rollouts.traffic_span_seconds`) in the transaction that stores them, so that no question about
 * a rollout has to read them all again.
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
    /** Requests by the arm that the assignment chose, whoever answered. */
    championAssigned: counter('champion_assigned').notNull(),
    challengerAssigned: counter('challenger_assigned').notNull(),
    /**
     * Of those, the ones that took longer than the guardrail allows; a challenger that failed
     * counts as slow.
     */
    championSlow: counter('champion_slow').notNull(),
    challengerSlow: counter('challenger_slow').notNull(),
    /** Requests that an arm was asked to score, beside the answer included, and those it failed. */
    championAsked: counter('champion_asked').notNull(),
    challengerAsked: counter('challenger_asked').notNull(),
    championErrors: counter('champion_errors').notNull(),
    challengerErrors: counter('challenger_errors').notNull(),
    /** Of those that the challenger was to answer, those that it failed. */
    challengerFallbacks: counter('challenger_fallbacks').notNull().default(0),
    /**
     * Of a language application: those that the challenger was to stream, and of these the ones
     * whose first piece came too late, or never.
     */
    challengerStreamed: counter('challenger_streamed').notNull().default(0),
    challengerLate: counter('challenger_late').notNull().default(0),
    /**
     * Its answers with too many tokens, kept back by its policy, and not the JSON that they
     * promised: in a shadow step those beside, in others its own.
     */
    challengerCostly: counter('challenger_costly').notNull().default(0),
    challengerBlocked: counter('challenger_blocked').notNull().default(0),
    challengerMalformed: counter('challenger_malformed').notNull().default(0),
    /** Labels taken into account, by assignment. */
    championLabelled: counter('champion_labelled').notNull().default(0),
    challengerLabelled: counter('challenger_labelled').notNull().default(0),
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
