import { z } from 'zod';
import { maxCostRows } from '../../../db/cost/report';
import { costGroups } from '../../../domain/cost/report';
import { llmSpendGroups } from '../../../domain/provider/call-ledger';
import { runId, time } from '../fields';

export const costQuery = z.strictObject({
  by: z
    .enum(costGroups)
    .default('run')
    .describe(`sums by ${costGroups.join(', ')}; tenant needs an administrator of the platform`),
  from: time.optional().describe('only jobs that reserved at this time or later'),
  to: time.optional().describe('only jobs that reserved before this time'),
  run: runId.optional().describe('only jobs of this run'),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(maxCostRows)
    .default(maxCostRows)
    .describe('the most rows, the most recent first'),
});

const cpuHours = z.number().min(0);

const costRow = z
  .object({
    key: z.string().describe('the run, model, backend, day, month or tenant'),
    jobs: z.number().int(),
    reservedCpuHours: cpuHours.describe('of jobs that have not ended'),
    reservedUsd: z.number().min(0),
    usedCpuHours: cpuHours,
    usedUsd: z.number().min(0),
    unpriced: z.number().int().describe('jobs whose backend had no price; they add no money'),
  })
  .meta({ id: 'CostRow' });

export const costReport = z.object({
  items: z.array(costRow).readonly(),
  isComplete: z
    .boolean()
    .describe('false when there are more rows; then limit the time with from and to'),
});

const maxSpendRows = 200;

export const llmSpendQuery = z.strictObject({
  by: z
    .enum(llmSpendGroups)
    .default('provider')
    .describe('provider with its model, or scope: the run, search or evaluation that asked first'),
  from: time.optional().describe('requests that started then or later; default 30 days ago'),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(maxSpendRows)
    .default(50)
    .describe('the most rows, the most expensive first'),
});

export const llmSpendReport = z.object({
  items: z
    .array(
      z
        .object({
          key: z.string().describe('provider and model, or a scope such as run/<id>'),
          requests: z.number().int(),
          answered: z.number().int(),
          promptTokens: z.number().int(),
          completionTokens: z.number().int(),
          usd: z.number().min(0).describe('US dollars'),
          mostUnsettledUsd: z
            .number()
            .min(0)
            .describe('the most that requests without a received result may have cost beside'),
        })
        .meta({ id: 'LlmSpend' }),
    )
    .readonly(),
});
