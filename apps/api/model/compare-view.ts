import { z } from 'zod';

const count = z.number().int();

const calibration = z
  .array(
    z.object({
      rows: count,
      score: z.number().describe('mean score'),
      share: z.number().describe('share of rows whose label agrees'),
    }),
  )
  .readonly()
  .describe('rows in bins of about equal size, by score');

const confusion = z.object({
  classes: z.array(z.string()).readonly(),
  counts: z
    .array(z.array(count).readonly())
    .readonly()
    .describe('rows by label, then by predicted class'),
});

const modelFit = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.literal('classification'), calibration, confusion }),
    z.object({ kind: z.literal('multiclass'), calibration, confusion }),
    z.object({
      kind: z.literal('regression'),
      residuals: z
        .object({
          edges: z.array(z.number()).readonly(),
          counts: z.array(count).readonly().describe('rows between two edges'),
          below: count,
          above: count,
        })
        .describe('histogram of prediction minus label; 1 % of the rows is left out on each side'),
      byPrediction: z
        .array(
          z.object({
            rows: count,
            prediction: z.number().describe('mean prediction'),
            label: z.number().describe('mean label'),
          }),
        )
        .readonly(),
    }),
  ])
  .meta({ id: 'ModelFit', description: 'How scores fit the labels of the judged rows' });

export const comparedEvaluation = z
  .object({
    rows: count.describe('judged rows of the holdout'),
    fit: modelFit.nullable().describe('null if a row had no score, or if it was not measured'),
    against: z.string().nullable().describe('version or baseline that the slices compare with'),
    sliceMetric: z.string().nullable(),
    slices: z
      .array(
        z.object({
          column: z.string(),
          value: z.string().nullable().describe('null pools the groups with few rows'),
          groups: count,
          rows: count,
          increase: z
            .number()
            .nullable()
            .describe('this version minus the other one; positive is worse'),
          lower: z.number().nullable(),
          upper: z.number().nullable().describe('bound of the 95 % confidence interval'),
        }),
      )
      .readonly(),
  })
  .meta({ id: 'ComparedEvaluation' });

export type ComparedEvaluation = z.output<typeof comparedEvaluation>;

export const trainingDataView = z.object({ dataset: z.string(), version: count });
