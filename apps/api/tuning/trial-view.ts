import { z } from 'zod';
import type { Trial } from '../../../domain/tuning/tuning';
import { trialStatuses } from '../../../domain/tuning/tuning';
import { instant } from '../fields';

export const trialView = z
  .object({
    run: z.string().describe('run of the study; another run if the stage was reused'),
    number: z.number().describe('0, 1, 2 … within the study'),
    status: z.enum(trialStatuses),
    params: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    metric: z.string(),
    value: z
      .number()
      .nullable()
      .describe('metric on the tuning slice; of a pruned trial, the last value'),
    values: z
      .array(z.number())
      .readonly()
      .optional()
      .describe('one per objective of a study with several, in their order'),
    best: z.boolean(),
    reason: z.string().nullable().describe('why it was pruned or failed'),
    intermediate: z
      .array(z.object({ step: z.number(), value: z.number() }))
      .readonly()
      .describe('metric after so many iterations, by which hyperband judged it'),
    seconds: z.number().nullable().describe('null while it is running'),
    startedAt: instant,
    endedAt: instant.nullable(),
  })
  .meta({ id: 'Trial' });

export type TrialJson = z.output<typeof trialView>;

export function trialToJson(
  trial: Trial,
  { run, metric, best }: Pick<TrialJson, 'run' | 'metric'> & { readonly best: number | null },
): TrialJson {
  const { number, status, params, value, values, reason, intermediate } = trial;
  const { startedAt, endedAt } = trial;
  const seconds = endedAt === null ? null : (Date.parse(endedAt) - Date.parse(startedAt)) / 1000;
  const outcome = {
    status,
    params: { ...params },
    metric,
    value,
    ...(values === null ? {} : { values }),
    best: number === best,
    reason,
    intermediate,
  };
  return { run, number, ...outcome, seconds, startedAt, endedAt };
}
