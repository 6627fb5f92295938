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
import type { PromptTemplate } from '../../domain/prompt/prompt';
import type { PromptMoveKind, PromptRefKind } from './records';
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

export const prompts = pgTable(
  'prompts',
  {
    tenantId: tenantId(),
    name: text('name').notNull(),
    /** Number of the newest version. The row lock prevents gaps. */
    versions: integer('versions').notNull().default(0),
    /** Counts every move of a branch or label. The row lock orders the moves. */
    fencing: counter('fencing').notNull().default(0),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ name: 'prompts_pk', columns: [t.tenantId, t.name] }),
    foreignKey({ name: 'prompts_tenant_fk', columns: [t.tenantId], foreignColumns: [tenants.id] }),
  ],
);

export const promptVersions = pgTable(
  'prompt_versions',
  {
    tenantId: tenantId(),
    prompt: text('prompt').notNull(),
    version: integer('version').notNull(),
    digest: text('digest').$type<Digest>().notNull(),
    template: document<PromptTemplate>('template').notNull(),
    /** The version that its author edited; null for the first. */
    parent: integer('parent'),
    author: text('author').notNull(),
    /** The author's key; null for a version of the platform itself, such as of a search. */
    authorKeyId: text('author_key_id'),
    cause: text('cause').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ name: 'prompt_versions_pk', columns: [t.tenantId, t.prompt, t.version] }),
    unique('prompt_versions_digest_unique').on(t.tenantId, t.prompt, t.digest),
    foreignKey({
      name: 'prompt_versions_prompt_fk',
      columns: [t.tenantId, t.prompt],
      foreignColumns: [prompts.tenantId, prompts.name],
    }),
    isDigest('prompt_versions_digest_check', t.digest),
    check('prompt_versions_version_check', sql`${t.version} > 0`),
    check('prompt_versions_parent_check', sql`${t.parent} < ${t.version}`),
  ],
);

const version = {
  columns: [promptVersions.tenantId, promptVersions.prompt, promptVersions.version],
} as const;

export const promptApprovals = pgTable(
  'prompt_approvals',
  {
    tenantId: tenantId(),
    prompt: text('prompt').notNull(),
    version: integer('version').notNull(),
    /** The person: the holder of the key, which a rotation keeps. */
    holderId: text('holder_id').notNull(),
    actor: text('actor').notNull(),
    /** Approved by the author, an admin who set `selfApprove`. */
    selfApproved: boolean('self_approved').notNull().default(false),
    cause: text('cause').notNull(),
    approvedAt: instant('approved_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({
      name: 'prompt_approvals_pk',
      columns: [t.tenantId, t.prompt, t.version, t.holderId],
    }),
    foreignKey({
      name: 'prompt_approvals_version_fk',
      columns: [t.tenantId, t.prompt, t.version],
      foreignColumns: [...version.columns],
    }),
  ],
);

/** Branches and labels share their names, so that `name@ref` means one version. */
export const promptRefs = pgTable(
  'prompt_refs',
  {
    tenantId: tenantId(),
    prompt: text('prompt').notNull(),
    ref: text('ref').notNull(),
    kind: text('kind').$type<PromptRefKind>().notNull(),
    version: integer('version').notNull(),
    fencing: counter('fencing').notNull(),
    movedAt: instant('moved_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ name: 'prompt_refs_pk', columns: [t.tenantId, t.prompt, t.ref] }),
    foreignKey({
      name: 'prompt_refs_version_fk',
      columns: [t.tenantId, t.prompt, t.version],
      foreignColumns: [...version.columns],
    }),
    restrictTo('prompt_refs_kind_check', t.kind, ['branch', 'label'] satisfies PromptRefKind[]),
    check('prompt_refs_fencing_check', sql`${t.fencing} > 0`),
  ],
);

/** Every move of a branch or label; rows never change. */
export const promptRefHistory = pgTable(
  'prompt_ref_history',
  {
    tenantId: tenantId(),
    id: bytewise('id').notNull(),
    prompt: text('prompt').notNull(),
    ref: text('ref').notNull(),
    kind: text('kind').$type<PromptMoveKind>().notNull(),
    fromVersion: integer('from_version'),
    toVersion: integer('to_version').notNull(),
    fencing: counter('fencing').notNull(),
    actor: text('actor').notNull(),
    cause: text('cause').notNull(),
    movedAt: instant('moved_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ name: 'prompt_ref_history_pk', columns: [t.tenantId, t.id] }),
    unique('prompt_ref_history_fencing_unique').on(t.tenantId, t.prompt, t.fencing),
    index('prompt_ref_history_by_ref').on(t.tenantId, t.prompt, t.ref, t.fencing),
    foreignKey({
      name: 'prompt_ref_history_version_fk',
      columns: [t.tenantId, t.prompt, t.toVersion],
      foreignColumns: [...version.columns],
    }),
    restrictTo('prompt_ref_history_kind_check', t.kind, [
      'set',
      'rollback',
    ] satisfies PromptMoveKind[]),
    check('prompt_ref_history_moved_check', sql`${t.fromVersion} is distinct from ${t.toVersion}`),
  ],
);
