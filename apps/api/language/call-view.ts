import { z } from 'zod';
import { budgetUnits } from '../../../domain/budget/budget';
import type { CallReport, ScopedReport } from '../../../domain/provider/call-ledger';

const usd = z.number().describe('US dollars');
const tokens = z.number().int();

const calls = z.object({
  answered: z.number().int().describe('questions with an answer'),
  failed: z.number().int(),
  asking: z.number().int(),
  requests: z.number().int().describe('requests sent to providers, including failed ones'),
  promptTokens: tokens,
  completionTokens: tokens,
  usd,
  unsettled: z
    .object({ requestIds: z.array(z.string()).readonly(), usd })
    .describe(
      'requests whose result was never received, for example because a worker died; the bill may be higher by at most this amount',
    ),
});

const stageCalls = calls.extend({ stage: z.string() });
export const scopeCalls = calls.meta({ id: 'Calls' });
export type CallsJson = z.output<typeof calls>;

export const runCalls = z
  .object({ stages: z.array(stageCalls).readonly() })
  .meta({ id: 'RunCalls' });
export type StageCallsJson = z.output<typeof stageCalls>;

export function callsToJson({ scope, ...report }: ScopedReport): StageCallsJson {
  return { stage: scope.split('/').slice(2).join('/'), ...toCallsJson(report) };
}

export function toCallsJson({
  calls: counts,
  attempts,
  usage,
  cost,
  unsettled,
}: CallReport): CallsJson {
  return {
    ...counts,
    requests: Object.values(attempts).reduce((sum, count) => sum + count, 0),
    ...usage,
    usd: cost / budgetUnits.usd,
    unsettled: { requestIds: unsettled.requestIds, usd: unsettled.cost / budgetUnits.usd },
  };
}
