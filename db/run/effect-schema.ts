import { sql } from 'drizzle-orm';
import { check, index, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { counter, document, instant, tenantId } from '../columns';

/**
 * The journal of side effects (I4). `token` grows with every claim; only the newest may write the
 * result.
 */
export const effects = pgTable(
  'effects',
  {
    tenantId: tenantId(),
    key: text('key').notNull(),
    token: counter('token').notNull(),
    attempt: integer('attempt').notNull(),
    execution: text('execution'),
    claimedAt: instant('claimed_at').notNull().defaultNow(),
    result: document<unknown>('result'),
    doneAt: instant('done_at'),
  },
  (t) => [
    primaryKey({ name: 'effects_pk', columns: [t.tenantId, t.key] }),
    check('effects_token_check', sql`${t.token} > 0`),
    check('effects_done_check', sql`${t.doneAt} is not null or ${t.result} is null`),
    index('effects_by_age').on(t.tenantId, t.claimedAt),
  ],
);
