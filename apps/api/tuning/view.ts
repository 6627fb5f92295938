import { z } from 'zod';
import type { StageRecord } from '../../../db/stage/repository';

const values = z.record(z.string(), z.unknown());

export const tuningView = z
  .object({
    chosen: z.enum(['tuned', 'default']),
    params: values.describe('parameters of the chosen model'),
    trials: z.object({ complete: z.number(), pruned: z.number(), failed: z.number() }),
    best: z
      .object({ number: z.number(), value: z.number(), params: values })
      .nullable()
      .describe('metric on the tuning slice'),
    front: z
      .array(
        z.object({
          number: z.number(),
          values: z.array(z.number()).readonly().describe('one per objective, in their order'),
          params: values,
        }),
      )
      .readonly()
      .optional()
      .describe('Pareto front of a study with several objectives, at most 100 trials'),
    warmStart: z
      .object({
        runId: z.string(),
        used: z.number().describe('number of its trials that fit the space'),
        leftOut: z
          .array(z.object({ number: z.number(), reason: z.string() }))
          .readonly()
          .describe('trials that do not fit, at most 100'),
      })
      .optional()
      .describe('earlier study from which the sampler learned'),
    confirm: z
      .object({
        metric: z.string(),
        rows: z.number(),
        days: z.number(),
        default: z.number().nullable(),
        tuned: z.number().nullable(),
        difference: z.number().nullable().describe('tuned minus default; positive is worse'),
        interval: z.object({
          level: z.number(),
          lower: z.number().nullable(),
          upper: z.number().nullable(),
        }),
        reason: z.string().nullable().describe('why it could not be measured'),
      })
      .nullable()
      .describe('both models on the confirm slice; null if there was nothing to compare'),
  })
  .meta({ id: 'Tuning' });

export type TuningJson = z.output<typeof tuningView>;

/**
 * From the record of a tune stage (workflows/lifecycle/stages/tune.ts); null for any other stage.
 */
export function tuningToJson({ stage, output }: StageRecord): TuningJson | null {
  const left = (output as { readonly output?: TuningJson } | null)?.output;
  if (stage !== 'tune' || !left) return null;
  const { chosen, params, trials, best, front, warmStart, confirm } = left;
  return {
    ...{ chosen, params, trials, best },
    ...(front === undefined ? {} : { front }),
    ...(warmStart === undefined ? {} : { warmStart }),
    confirm,
  };
}
