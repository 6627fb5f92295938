import { z } from 'zod';
import { nameField } from '../document/field.schema';
import {
  classificationMetrics,
  multiclassMetrics,
  regressionMetrics,
} from '../lifecycle/lifecycle';
import { confidenceRange } from './policy';

export const metricField = z.enum([
  ...new Set([...classificationMetrics, ...multiclassMetrics, ...regressionMetrics]),
]);

const name = nameField('the name of the gate');

const confidence = z
  .number()
  .gt(confidenceRange.above)
  .max(confidenceRange.most)
  .default(0.97)
  .describe(
    `a share above ${confidenceRange.above} and at most ${confidenceRange.most}: how sure the interval must be, which resamples whole days`,
  );

const anchor = z
  .strictObject({
    version: z.int().min(1).describe('a whole number, 1 or more: a version of this model'),
  })
  .describe(
    'a fixed version of this model, so that small losses do not add up over many promotions',
  );

const against = z
  .union([z.enum(['champion', 'baseline']), anchor], {
    error: 'expected champion, baseline or { version: <number> }',
  })
  .default('champion')
  .describe(
    'champion, baseline, or { version: <number> } for a fixed version: what the candidate is compared with',
  );

const whenAbsent = z
  .enum(['baseline', 'notApplicable'])
  .default('baseline')
  .describe(
    'baseline or notApplicable: without a champion, compare with the baseline trainer on the same data, or record that nothing was compared',
  );

const threshold = z
  .strictObject({
    name,
    kind: z.literal('threshold'),
    metric: metricField,
    min: z.number().nullable().default(null).describe('a number: the least value that passes'),
    max: z.number().nullable().default(null).describe('a number: the greatest value that passes'),
    confidence,
  })
  .describe('a gate on the value of one metric');

const nonInferiority = z
  .strictObject({
    name,
    kind: z.literal('nonInferiority'),
    metric: metricField,
    against,
    whenAbsent,
    margin: z.number().gt(0).describe('a number above 0: how much worse the candidate may be'),
    confidence,
  })
  .describe('a gate that the candidate passes when it is not worse by more than the margin');

const superiority = z
  .strictObject({
    name,
    kind: z.literal('superiority'),
    metric: metricField,
    against,
    whenAbsent,
    margin: z
      .number()
      .min(0)
      .default(0)
      .describe('a number, 0 or more: how much better the candidate must be'),
    confidence,
  })
  .describe('a gate that the candidate passes when it is better by more than the margin');

const slice = z
  .strictObject({
    name,
    kind: z.literal('slice'),
    against,
    whenAbsent,
    maxIncrease: z.number().min(0).describe('a number, 0 or more: how much worse any slice may be'),
    confidence,
  })
  .describe('a gate on the metric of evaluate.slices in each slice');

const parity = z
  .strictObject({
    name,
    kind: z.literal('parity'),
    rows: z
      .int()
      .min(1)
      .max(100_000)
      .default(1_000)
      .describe('a whole number from 1 to 100000: how many rows go through a real gateway'),
    tolerance: z
      .number()
      .gt(0)
      .default(0.005)
      .describe('a number above 0: the greatest difference between predictions that agree'),
    minShare: z
      .number()
      .gt(0)
      .max(1)
      .default(0.999)
      .describe('a share above 0 and at most 1: how many rows must agree'),
  })
  .describe('a gate on the agreement of the gateway with the offline predictions');

export const gateSchema = z.discriminatedUnion('kind', [
  threshold,
  nonInferiority,
  superiority,
  slice,
  parity,
]);
