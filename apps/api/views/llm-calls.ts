import { z } from 'zod';
import { budgetUnits } from '../../../domain/budget';
import type { ScopedReport } from '../../../domain/llm/call-ledger';

const usd = z.number().describe('US dollars');
const tokens = z.number().int();

const stageCalls = z.object({
  stage: z.string(),
  answered: z.number().int().describe('questions with an answer'),
  failed: z.number().int(),
  asking: z.number().int(),
  requests: z.number().int().describe('sent to providers, those that failed with them'),
  promptTokens: tokens,
  completionTokens: tokens,
  usd,
  unsettled: z
    .object({ requestIds: z.array(z.string()).readonly(), usd })
    .describe('requests whose end nobody saw, such as those in flight when a worker died: at most this much more may be on the bill'),
});

export const runCalls = z.object({ stages: z.array(stageCalls).readonly() }).meta({ id: 'RunCalls' });
export type StageCallsJson = z.output<typeof stageCalls>;

export function callsToJson({ scope, calls, attempts, usage, cost, unsettled }: ScopedReport): StageCallsJson {
  return {
    stage: scope.split('/').slice(2).join('/'),
    ...calls,
    requests: Object.values(attempts).reduce((sum, count) => sum + count, 0),
    ...usage,
    usd: cost / budgetUnits.usd,
    unsettled: { requestIds: unsettled.requestIds, usd: unsettled.cost / budgetUnits.usd },
  };
}
