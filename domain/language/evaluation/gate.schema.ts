import { z } from 'zod';
import { nameField } from '../../document/field.schema';
import { confidenceRange } from '../../decision/policy';
import { problem } from '../../document/schema-issues.schema';
import type { LlmGate } from './gate';

const common = {
  name: nameField('the name of the gate'),
  confidence: z
    .number()
    .gt(confidenceRange.above)
    .max(confidenceRange.most)
    .default(0.95)
    .describe(
      `a share above ${confidenceRange.above} and at most ${confidenceRange.most}: how sure the bound must be, however often it is looked at`,
    ),
  maxFailures: z
    .number()
    .min(0)
    .max(0.5)
    .default(0.02)
    .describe(
      'a share from 0 to 0.5: cases that could not be measured, beyond which nothing was; those within it count at their worst',
    ),
  minCases: z
    .int()
    .min(1)
    .default(30)
    .describe('a whole number from 1: fewer cases decide nothing'),
};
const dimension = nameField('the name of a dimension');
const share = z.number().min(0).max(1);
const quantile = z.number().gt(0).lt(1).describe('a share above 0 and below 1, such as 0.95');

/** A gate as a person writes it. That its dimension exists is checked by `evaluationProblems`. */
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
              problem('is 0, which every score reaches: the gate could never fail'),
            );
        })
        .describe('a share above 0 and at most 1: the least that passes'),
    }),
    z.strictObject({
      name: common.name,
      kind: z.literal('allPass'),
      dimension,
      min: share
        .gt(0)
        .default(1)
        .describe('a share above 0 and at most 1: the least score of every case'),
      minCases: z
        .int()
        .min(1)
        .default(1)
        .describe('a whole number from 1: fewer cases decide nothing'),
    }),
    z.strictObject({
      ...common,
      kind: z.literal('nonInferiority'),
      dimension,
      against: z
        .enum(['champion', 'baseline'])
        .default('champion')
        .describe('champion or baseline: the first prompt as it is, over the model as it is'),
      whenAbsent: z
        .enum(['baseline', 'notApplicable'])
        .default('baseline')
        .describe('baseline or notApplicable: what stands in for a champion while there is none'),
      margin: z
        .number()
        .gt(0)
        .max(1)
        .describe('a number above 0: how much worse the candidate may be, on the same cases'),
    }),
    z.strictObject({
      ...common,
      kind: z.literal('bias'),
      dimension,
      margin: z
        .number()
        .gt(0)
        .max(1)
        .describe('a number above 0: how much a group may differ from the others of its pairs'),
    }),
    z.strictObject({
      ...common,
      kind: z.literal('latency'),
      quantile: quantile.default(0.95),
      maxMs: z.number().gt(0).describe('a number above 0: milliseconds'),
    }),
    z.strictObject({
      ...common,
      kind: z.literal('cost'),
      quantile: quantile.default(0.5),
      maxUsd: z.number().min(0).describe('a number, 0 or more: US dollars a case'),
    }),
  ])
  .describe(
    'threshold, allPass, nonInferiority, bias, latency or cost',
  ) satisfies z.ZodType<LlmGate>;
