import { z } from 'zod';
import { nameField } from '../document/field.schema';
import type { GateSpec } from './gate-spec';
import {
  classificationMetrics,
  multiclassMetrics,
  regressionMetrics,
} from '../evaluation/metrics/names';
import { confidenceRange } from '../evaluation/gate';
import { classMetrics } from '../evaluation/metrics/multiclass';

const metricNames = [
  ...new Set([...classificationMetrics, ...multiclassMetrics, ...regressionMetrics]),
] as const;

export const metricField = z.enum(metricNames, {
  error: ({ input }) =>
    (classMetrics as readonly unknown[]).includes(input)
      ? `cannot be ${String(input)}, which is measured for every class without being listed; a gate may name it with its class`
      : undefined,
});

const gateMetric = z
  .enum([...metricNames, ...classMetrics])
  .describe(`${metricNames.join(', ')}; or precision, recall or f1 of one \`class\``);

/** YAML has whole numbers for classes that are numbers. */
const className = z
  .union([z.string().min(1).max(200), z.int()], { error: 'must be a text or a whole number' })
  .optional()
  .describe('the class that precision, recall or f1 is measured for, against all others');

const name = nameField('the name of the gate');

const confidence = z
  .number()
  .gt(confidenceRange.above)
  .max(confidenceRange.max)
  .default(0.97)
  .describe(
    `the confidence of each bound, above ${confidenceRange.above} and at most ${confidenceRange.max}; bounds resample whole days`,
  );

const anchor = z
  .strictObject({
    version: z.int().min(1).describe('the number of a version of this model, 1 or more'),
  })
  .describe(
    'a fixed version of this model, so that small losses do not add up over many promotions',
  );

const against = z
  .union([z.enum(['champion', 'baseline']), anchor], {
    error: 'expected champion, baseline or { version: <number> }',
  })
  .default('champion')
  .describe('the version to compare with: champion, baseline or { version: <number> }');

const whenAbsent = z
  .enum(['baseline', 'notApplicable'])
  .default('baseline')
  .describe(
    'without a champion: baseline compares with the baseline trainer, notApplicable skips the gate',
  );

const threshold = z
  .strictObject({
    name,
    kind: z.literal('threshold'),
    metric: gateMetric,
    class: className,
    min: z.number().nullable().default(null).describe('the smallest value that passes'),
    max: z.number().nullable().default(null).describe('the largest value that passes'),
    confidence,
  })
  .describe('a gate on the value of one metric');

const nonInferiority = z
  .strictObject({
    name,
    kind: z.literal('nonInferiority'),
    metric: gateMetric,
    class: className,
    against,
    whenAbsent,
    margin: z
      .number()
      .gt(0)
      .describe('the margin, above 0: the largest difference that counts as no worse'),
    confidence,
  })
  .describe('a gate that the candidate passes when it is not worse by more than the margin');

const superiority = z
  .strictObject({
    name,
    kind: z.literal('superiority'),
    metric: gateMetric,
    class: className,
    against,
    whenAbsent,
    margin: z
      .number()
      .min(0)
      .default(0)
      .describe('the margin, 0 or more: the candidate must be better by more'),
    confidence,
  })
  .describe('a gate that the candidate passes when it is better by more than the margin');

const slice = z
  .strictObject({
    name,
    kind: z.literal('slice'),
    against,
    whenAbsent,
    maxIncrease: z.number().min(0).describe('the largest increase of any slice, 0 or more'),
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
      .describe('the number of rows that are sent to a real gateway, from 1 to 100000'),
    tolerance: z
      .number()
      .gt(0)
      .default(0.005)
      .describe('the largest difference between predictions that agree, above 0'),
    minShare: z
      .number()
      .gt(0)
      .max(1)
      .default(0.999)
      .describe('the smallest share of rows that must agree, above 0 and at most 1'),
  })
  .describe('a gate on the agreement of the gateway with the offline predictions');

/** The gates that a policy without slices may have. */
export const sliceFreeGateSchema = z.discriminatedUnion(
  'kind',
  [threshold, nonInferiority, superiority, parity],
  {
    error:
      'must be threshold, nonInferiority, superiority or parity; ' +
      'a slice gate needs evaluate.slices of the configuration',
  },
);

export const gateSchema = z.discriminatedUnion('kind', [
  threshold,
  nonInferiority,
  superiority,
  slice,
  parity,
]);

type WrittenGate = z.output<typeof gateSchema>;

/** Classes are texts in evidence, as in the trained model. */
export function toGateSpec(gate: WrittenGate): GateSpec {
  if (gate.kind === 'slice' || gate.kind === 'parity') return gate;
  const { class: name, ...others } = gate;
  return name === undefined ? others : { ...others, class: String(name) };
}
