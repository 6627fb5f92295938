import { sql } from 'drizzle-orm';
import {
  boolean,
  check,
  foreignKey,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  unique,
} from 'drizzle-orm/pg-core';
import type { Digest } from '../../domain/artifact';
import type { RunId } from '../../domain/ids';
import type { LifecycleKind } from '../../domain/lifecycle/lifecycle';
import type { ProgramRef } from '../../domain/lifecycle/sections/program';
import type { Failure, RunRequest, RunStatus } from '../../domain/run/run';
import type { RerunOf } from '../../domain/run/rerun';
import { finalRunStatuses, runStatuses } from '../../domain/run/run';
import type { Verdict } from '../../domain/verdict';
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
import { lifecycleRevisions } from '../lifecycle/schema';

const finals = sql.raw(finalRunStatuses.map((status) => `'${status}'`).join(', '));

export const runs = pgTable(
  'runs',
  {
    tenantId: tenantId(),
    id: bytewise('id').$type<RunId>().notNull(),
    lifecycle: text('lifecycle').notNull(),
    /** Kind of the revision, which selects the workflow. */
    kind: text('kind').$type<LifecycleKind>().notNull().default('ModelLifecycle'),
    /** The project build that executes it; null for a built-in lifecycle. */
    program: document<ProgramRef>('program'),
    revisionDigest: text('revision_digest').$type<Digest>().notNull(),
    workflowId: text('workflow_id').notNull(),
    status: text('status').$type<RunStatus>().notNull(),
    verdict: document<Verdict>('verdict'),
    version: integer('version'),
    waitingFor: text('waiting_for'),
    /** Whether it waits for a vote of a person, perhaps beside something else. */
    awaitsApproval: boolean('awaits_approval').notNull().default(false),
    failure: document<Failure>('failure'),
    request: document<RunRequest>('request').notNull(),
    /** Null for a run that reuses no other run. */
    rerunOf: document<RerunOf>('rerun_of'),
    /** The run that started this one by `run.child`; null for other runs. */
    parentRunId: bytewise('parent_run_id').$type<RunId>(),
    /** The stage of the parent that waits for this run. */
    parentStage: text('parent_stage'),
    actor: text('actor').notNull(),
    /**
     * API key that started it; for a scheduled run, the key that applied the revision. Null if no
     * request did, as in a program that writes to the registry itself.
     */
    starterKeyId: text('starter_key_id'),
    traceId: text('trace_id').notNull(),
    /**
     * Number of the newest event. The row lock makes events visible in the order of their numbers.
     */
    eventSeq: counter('event_seq').notNull().default(0),
    createdAt: createdAt(),
    startedAt: instant('started_at'),
    endedAt: instant('ended_at'),
    /** Time from which the run only undoes its effects. */
    undoSince: instant('undo_since'),
    touchedAt: instant('touched_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ name: 'runs_pk', columns: [t.tenantId, t.id] }),
    unique('runs_workflow_unique').on(t.tenantId, t.workflowId),
    unique('runs_child_unique').on(t.tenantId, t.parentRunId, t.parentStage),
    foreignKey({
      name: 'runs_revision_fk',
      columns: [t.tenantId, t.lifecycle, t.revisionDigest],
      foreignColumns: [
        lifecycleRevisions.tenantId,
        lifecycleRevisions.lifecycle,
        lifecycleRevisions.digest,
      ],
    }),
    foreignKey({
      name: 'runs_parent_fk',
      columns: [t.tenantId, t.parentRunId],
      foreignColumns: [t.tenantId, t.id],
    }),
    restrictTo('runs_status_check', t.status, runStatuses),
    restrictTo('runs_kind_check', t.kind, [
      'ModelLifecycle',
      'LlmLifecycle',
      'DataLifecycle',
    ] satisfies LifecycleKind[]),
    isDigest('runs_revision_digest_check', t.revisionDigest),
    check('runs_ended_check', sql`(${t.endedAt} is not null) = (${t.status} in (${finals}))`),
    // I12: a waiting run shows what it waits for.
    check('runs_waiting_check', sql`${t.status} <> 'waiting' or ${t.waitingFor} is not null`),
    index('runs_by_lifecycle').on(t.tenantId, t.lifecycle, t.id),
    index('runs_by_status').on(t.tenantId, t.status, t.id),
    index('runs_unfinished_programs')
      .on(t.tenantId)
      .where(sql`${t.program} is not null and ${t.status} not in (${finals})`),
    index('runs_unfinished')
      .on(t.tenantId, t.id)
      .where(sql`${t.status} not in (${finals})`),
  ],
);
