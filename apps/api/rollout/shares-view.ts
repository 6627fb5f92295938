import { z } from 'zod';
import type { RolloutRecord } from '../../../db/rollout/records';
import { instant } from '../fields';

/** How the share of a bandit has moved. */
export const rolloutShares = z.object({
  moves: z.number().describe('number of moves so far; at most one per day of event time'),
  changedEntities: z
    .number()
    .describe('share of the entities, 0 to 1, that changed version at least once'),
  items: z
    .array(
      z.object({
        at: instant.describe('event time'),
        from: z.number().describe('the challenger’s share of entities, 0 to 1'),
        to: z.number(),
        probability: z
          .number()
          .describe('probability that the challenger has the smaller loss, before the limits'),
        days: z.number().describe('days with labels that are due'),
        difference: z.number().describe('mean difference in loss of these days; positive is worse'),
      }),
    )
    .readonly()
    .describe('the newest moves, at most 60, oldest first'),
});

/** The boundary between the versions passed exactly the entities between the extreme shares. */
export function sharesToJson({
  state: { evidence },
}: RolloutRecord): z.output<typeof rolloutShares> | null {
  if (!evidence?.bandit) return null;
  const { moves, lowest, highest, recent: items } = evidence.bandit;
  return { moves, changedEntities: highest - lowest, items };
}
