import { foreignKey, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import type { PredictionId, RolloutId } from '../../domain/ids';
import type { LabelledVerdictPair } from '../../domain/rollout/judging/judge-labels';
import { bytewise, document, instant, tenantId } from '../columns';
import { rollouts } from './schema';

/**
 * A person's label of both answers to one question of a rollout, with the judge's verdicts. It is
 * set once and holds no text.
 */
export const answerLabels = pgTable(
  'answer_labels',
  {
    tenantId: tenantId(),
    rolloutId: bytewise('rollout_id').$type<RolloutId>().notNull(),
    predictionId: bytewise('prediction_id').$type<PredictionId>().notNull(),
    checked: document<LabelledVerdictPair>('checked').notNull(),
    actor: text('actor').notNull(),
    labelledAt: instant('labelled_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ name: 'answer_labels_pk', columns: [t.tenantId, t.rolloutId, t.predictionId] }),
    foreignKey({
      name: 'answer_labels_rollout_fk',
      columns: [t.tenantId, t.rolloutId],
      foreignColumns: [rollouts.tenantId, rollouts.id],
    }),
  ],
);
