import { z } from 'zod';
import { nameField } from '../../document/field.schema';
import { confidenceRange } from '../../evaluation/gate';
import { schemaIssue } from '../../document/schema-issues.schema';
import type { LlmGate } from './gate';

const common = {
  name: nameField('the name of the gate'),
  confidence: z
    .number()
    .gt(confidenceRange.above)
    .max(confidenceRange.max)
    .default(0.95)
    .describe(
      `confidence of the bound, a share above ${confidenceRange.above} and at most ` +
        `${confidenceRange.max}; it holds for all looks together`,
    ),
  maxFailures: z
    .number()
    .min(0)
    .max(0.5)
    .default(0.02)
    .describe(
      'largest share of unmeasured cases, from 0 to 0.5; above it the gate is inconclusive, ' +
        'up to it they count at their worst',
    ),
  minCases: z
    .int()
    .min(1)
    .default(30)
    .describe('smallest number of cases, from 1; with fewer the gate is inconclusive'),
};
const dimension = nameField('the name of a dimension');
const share = z.number().min(0).max(1);
const quantile = z.number().gt(0).lt(1).describe('a share above 0 and below 1, such as 0.95');

/** A gate as a person writes it. `evaluationProblems` checks that its dimension exists. */
export const llmGateSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({
      ...common,
      kind: z.literal('threshold'),
      dimension,
      min: share
        .check((context) => {
          if (context.value === 0)
            context.issues.push(
              schemaIssue('is 0, which every score reaches, so the gate could never fail'),
            );
        })
        .describe('lowest mean score that passes, above 0 and at most 1'),
    }),
    z.strictObject({
      name: common.name,
      kind: z.literal('allPass'),
      dimension,
      min: share
        .gt(0)
        .default(1)
        .describe('lowest score that each case must reach, above 0 and at most 1'),
      minCases: z
        .int()
        .min(1)
        .default(1)
        .describe('smallest number of cases, from 1; with fewer the gate is inconclusive'),
    }),
    z.strictObject({
      ...common,
      kind: z.literal('nonInferiority'),
      dimension,
      against: z
        .enum(['champion', 'baseline'])
        .default('champion')
        .describe(
          'champion, or baseline: the first prompt without search on the model without fine-tuning',
        ),
      whenAbsent: z
        .enum(['baseline', 'notApplicable'])
        .default('baseline')
        .describe('comparison while there is no champion: baseline, or notApplicable for none'),
      margin: z
        .number()
        .gt(0)
        .max(1)
        .describe('how much worse the candidate may be on the same cases, above 0 and at most 1'),
    }),
    z.strictObject({
      ...common,
      kind: z.literal('bias'),
      dimension,
      margin: z
        .number()
        .gt(0)
        .max(1)
        .describe(
          'how much a group may differ from the others of its pairs, above 0 and at most 1',
        ),
    }),
    z.strictObject({
      ...common,
      kind: z.literal('latency'),
      quantile: quantile.default(0.95),
      maxMs: z.number().gt(0).describe('largest latency in milliseconds, above 0'),
    }),
    z.strictObject({
      ...common,
      kind: z.literal('cost'),
      quantile: quantile.default(0.5),
      maxUsd: z.number().min(0).describe('largest cost per case in US dollars, 0 or more'),
    }),
  ])
  .describe(
    'threshold, allPass, nonInferiority, bias, latency or cost',
  ) satisfies z.ZodType<LlmGate>;
