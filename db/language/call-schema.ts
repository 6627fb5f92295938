import { sql } from 'drizzle-orm';
import { check, foreignKey, index, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import type { Digest } from '../../domain/artifact';
import type { FailureType } from '../../domain/failure';
import type { AttemptOutcome } from '../../domain/provider/call-ledger';
import { attemptOutcomes } from '../../domain/provider/call-ledger';
import type { ChatAnswer } from '../../domain/chat/chat';
import {
  bytewise,
  counter,
  createdAt,
  document,
  instant,
  isDigest,
  restrictTo,
  tenantId,
} from '../columns';
import { tenants } from '../tenant/schema';

/** Calls to language models. A call with an answer is never sent again. */
export const llmCalls = pgTable(
  'llm_calls',
  {
    tenantId: tenantId(),
    key: bytewise('key').$type<Digest>().notNull(),
    scope: bytewise('scope').notNull(),
    provider: text('provider').notNull(),
    model: text('model').notNull(),
    promptDigest: text('prompt_digest').$type<Digest>(),
    inputDigest: text('input_digest').$type<Digest>().notNull(),
    repeat: integer('repeat').notNull(),
    state: text('state').$type<'asking' | 'answered' | 'failed'>().notNull(),
    /** Execution of the newest owner. */
    execution: text('execution').notNull(),
    executionAttempt: integer('execution_attempt').notNull(),
    leaseUntil: instant('lease_until').notNull(),
    /** Number of the newest attempt. */
    attempts: integer('attempts').notNull().default(0),
    answer: document<ChatAnswer>('answer'),
    /** When retention removed the answer. Its requests stay, and the next call sends a new one. */
    forgottenAt: instant('forgotten_at'),
    answeredBy: text('answered_by'),
    cost: counter('cost'),
    failure: text('failure').$type<FailureType>(),
    createdAt: createdAt(),
    endedAt: instant('ended_at'),
  },
  (t) => [
    primaryKey({ name: 'llm_calls_pk', columns: [t.tenantId, t.key] }),
    foreignKey({
      name: 'llm_calls_tenant_fk',
      columns: [t.tenantId],
      foreignColumns: [tenants.id],
    }),
    isDigest('llm_calls_key_check', t.key),
    restrictTo('llm_calls_state_check', t.state, ['asking', 'answered', 'failed']),
    check(
      'llm_calls_answer_check',
      sql`(${t.state} = 'answered') = ((${t.answer} is not null or ${t.forgottenAt} is not null) and ${t.answeredBy} is not null and ${t.cost} is not null)`,
    ),
    check(
      'llm_calls_forgotten_check',
      sql`${t.forgottenAt} is null or (${t.state} = 'answered' and ${t.answer} is null)`,
    ),
    check('llm_calls_failure_check', sql`(${t.state} = 'failed') = (${t.failure} is not null)`),
    index('llm_calls_by_scope').on(t.tenantId, t.scope, t.state),
    index('llm_calls_kept_since')
      .on(t.tenantId, t.endedAt)
      .where(sql`${t.answer} is not null`),
  ],
);

/** Scopes that use an answer that another scope asked for. */
export const llmCallReaders = pgTable(
  'llm_call_readers',
  {
    tenantId: tenantId(),
    key: bytewise('key').$type<Digest>().notNull(),
    scope: bytewise('scope').notNull(),
    /** Accurate to the day. */
    readAt: instant('read_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ name: 'llm_call_readers_pk', columns: [t.tenantId, t.key, t.scope] }),
    foreignKey({
      name: 'llm_call_readers_call_fk',
      columns: [t.tenantId, t.key],
      foreignColumns: [llmCalls.tenantId, llmCalls.key],
    }),
  ],
);

/** Every request to a provider, recorded before it is sent, to compare with the provider's bill. */
export const llmAttempts = pgTable(
  'llm_attempts',
  {
    tenantId: tenantId(),
    key: bytewise('key').$type<Digest>().notNull(),
    number: integer('number').notNull(),
    scope: bytewise('scope').notNull(),
    provider: text('provider').notNull(),
    model: text('model').notNull(),
    requestId: bytewise('request_id').notNull(),
    outcome: text('outcome').$type<AttemptOutcome>().notNull(),
    failure: text('failure').$type<FailureType>(),
    mostPromptTokens: counter('most_prompt_tokens').notNull(),
    mostCompletionTokens: counter('most_completion_tokens').notNull(),
    mostCost: counter('most_cost').notNull(),
    promptTokens: counter('prompt_tokens'),
    completionTokens: counter('completion_tokens'),
    cost: counter('cost'),
    firstTokenMs: integer('first_token_ms'),
    totalMs: integer('total_ms'),
    startedAt: instant('started_at').notNull().defaultNow(),
    endedAt: instant('ended_at'),
  },
  (t) => [
    primaryKey({ name: 'llm_attempts_pk', columns: [t.tenantId, t.key, t.number] }),
    foreignKey({
      name: 'llm_attempts_call_fk',
      columns: [t.tenantId, t.key],
      foreignColumns: [llmCalls.tenantId, llmCalls.key],
    }),
    restrictTo('llm_attempts_outcome_check', t.outcome, attemptOutcomes),
    check('llm_attempts_ended_check', sql`(${t.outcome} = 'sent') = (${t.endedAt} is null)`),
    check(
      'llm_attempts_usage_check',
      sql`${t.outcome} <> 'answered' or (${t.promptTokens} is not null and ${t.completionTokens} is not null and ${t.cost} is not null)`,
    ),
    index('llm_attempts_by_scope').on(t.tenantId, t.scope, t.outcome),
  ],
);
