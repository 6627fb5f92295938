import { foreignKey, index, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import type { SearchOutcome } from '../../domain/prompt-search/outcome';
import type { PromptSearchRequest } from '../../domain/prompt-search/request';
import { createdAt, document, instant, restrictTo, tenantId } from '../columns';
import { prompts } from './schema';

export type PromptSearchStatus = 'running' | 'done' | 'failed' | 'cancelled';

/** One row for each search, also after restarts: the id is derived from the request. */
export const promptSearches = pgTable(
  'prompt_searches',
  {
    tenantId: tenantId(),
    id: text('id').notNull(),
    prompt: text('prompt').notNull(),
    /** The version that the winner is compared with. */
    firstVersion: integer('first_version').notNull(),
    request: document<PromptSearchRequest>('request').notNull(),
    actor: text('actor').notNull(),
    status: text('status').$type<PromptSearchStatus>().notNull(),
    /** Why it ended without an outcome. */
    cause: text('cause'),
    outcome: document<SearchOutcome>('outcome'),
    createdAt: createdAt(),
    endedAt: instant('ended_at'),
  },
  (t) => [
    primaryKey({ name: 'prompt_searches_pk', columns: [t.tenantId, t.id] }),
    foreignKey({
      name: 'prompt_searches_prompt_fk',
      columns: [t.tenantId, t.prompt],
      foreignColumns: [prompts.tenantId, prompts.name],
    }),
    restrictTo('prompt_searches_status_check', t.status, [
      'running',
      'done',
      'failed',
      'cancelled',
    ]),
    index('prompt_searches_prompt_index').on(t.tenantId, t.prompt, t.createdAt),
  ],
);
