import { pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { bytewise, createdAt, tenantId } from '../columns';

/**
 * Signed commands that a workflow has accepted. Each is executed once, in the execution that
 * accepted it.
 */
export const commands = pgTable(
  'commands',
  {
    tenantId: tenantId(),
    /** The idempotency key that the API signed. */
    id: text('id').notNull(),
    workflowId: text('workflow_id').notNull(),
    /**
     * First execution of the workflow and id of the update, so that a retry of the same delivery is
     * no replay.
     */
    delivery: text('delivery').notNull(),
    verb: text('verb').notNull(),
    keyId: bytewise('key_id').notNull(),
    createdAt: createdAt(),
  },
  (t) => [primaryKey({ name: 'commands_pk', columns: [t.tenantId, t.id] })],
);
