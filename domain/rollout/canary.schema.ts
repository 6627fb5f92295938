import { z } from 'zod';
import { orNull, renameMembers } from '../document/codec.schema';
import { secondsField } from '../document/field.schema';
import { rowLosses } from '../evaluation/metrics/names';
import { assumedDayCorrelation } from '../statistics/day-correlation';
import type { CanarySpec } from './canary';
import { defaultSteps, rolloutMethods, type RolloutMethod } from './method';
import { missingLabelRules } from './missing-labels';
import { largeHarmMargins } from './policy';

const errors = z
  .strictObject({
    name: z.literal('errors'),
    max: z
      .number()
      .gt(0)
      .lt(1)
      .describe('a share between 0 and 1 of the requests of the challenger'),
  })
  .describe('at most this share of requests fails');

const latency = z
  .strictObject({
    name: z.literal('latency_ms'),
    quantile: z.number().gt(0).lt(1).default(0.97).describe('a share between 0 and 1'),
    max: z.number().gt(0).describe('milliseconds, above 0'),
  })
  .describe('this quantile of the latency is at most max milliseconds');

export const largeHarmField = z
  .number()
  .gt(0)
  .describe(
    'a number above 0, in units of the metric: a larger difference ends the rollout at once while ' +
      'the challenger answers requests, even on one bad day; four margins by default',
  );

export const missingLabelsField = z
  .enum(missingLabelRules)
  .describe(
    'what happens if more than maxMissing of the due labels are missing or late: hold: no ' +
      'promotion; worstCase: each missing label counts at its worst; ignore: the others decide, ' +
      'and every verdict says so; hold by default, ignore for a language application',
  );

export const maxMissingField = z
  .number()
  .min(0)
  .lt(1)
  .describe('a share from 0 to below 1 of the due labels that may be missing; 0.05 by default');

const writtenQuality = z
  .strictObject({
    metric: z
      .enum(rowLosses)
      .describe('logloss, brier or mae: a metric that each request has by itself'),
    rule: z
      .enum(['nonInferiority', 'superiority'])
      .default('nonInferiority')
      .describe('nonInferiority or superiority'),
    margin: z.number().min(0).describe('a number, 0 or more, in units of the metric'),
    bound: orNull(
      z.number().gt(0).describe('a number above 0: a larger loss of one row counts as this'),
    ),
    largeHarm: largeHarmField.optional(),
    missingLabels: missingLabelsField.optional(),
    maxMissing: maxMissingField.optional(),
  })
  .describe('what the challenger must show on labels that are due: metric and margin');

type Quality = Omit<z.output<typeof writtenQuality>, 'largeHarm'> & { readonly largeHarm: number };

const quality = z.codec(writtenQuality, z.custom<Quality>(), {
  decode: ({ largeHarm, ...rest }) => ({
    ...rest,
    largeHarm: largeHarm ?? largeHarmMargins * rest.margin,
  }),
  // Without a margin the default is 0, which a document cannot state.
  encode: ({ largeHarm, ...rest }) => ({ ...rest, ...(largeHarm > 0 && { largeHarm }) }),
});

const test = z
  .strictObject({
    kind: z.literal('alwaysValid').default('alwaysValid').describe('alwaysValid'),
    alpha: z
      .number()
      .gt(0)
      .max(0.2)
      .default(0.03)
      .describe(
        'a share above 0 and at most 0.2: the chance of a wrong verdict in the whole rollout',
      ),
    minSamples: z
      .int()
      .min(1)
      .default(200)
      .describe(
        'a whole number above 0: labels that a promotion needs, and requests that each step needs',
      ),
    minDuration: secondsField(
      'the event time that a promotion needs, such as 7d; below 7d, quality across days is not ' +
        'tested, and every verdict says so',
      { min: 0 },
    ).prefault('7d'),
    dayCorrelation: z
      .number()
      .min(0)
      .max(0.9)
      .default(assumedDayCorrelation)
      .describe(
        'a number from 0 to 0.9: the least assumed correlation between the differences of two ' +
          'consecutive days; a larger one from the history is used when a rollout opens',
      ),
  })
  .describe('error rate and minimum amounts: alpha, minSamples, minDuration, dayCorrelation');

export const writtenCanary = z
  .strictObject({
    method: z
      .enum(['canary', ...rolloutMethods])
      .optional()
      .describe(
        'canary: the share of the challenger grows by steps; shadow: it never answers, and a ' +
          'person approves its promotion; blueGreen: all traffic switches at once; ab: one or more ' +
          'challengers have fixed shares until maxDuration, and the best one is promoted; bandit: the ' +
          'share moves once a day, to the probability that the challenger is better; canary by default',
      ),
    steps: z
      .array(z.number().min(0).max(100))
      .min(1)
      .max(20)
      .optional()
      .describe(
        'percent of entities, rising; 0 is shadow: the challenger scores requests, but its answers ' +
          'are not returned; [0, 5, 25, 50] by default, [0] for shadow, [0, 100] for blueGreen; for ab one number, ' +
          'the share of all challengers together, by default as much for each as for the champion; for ' +
          'bandit the least and the greatest share, [5, 95] by default',
      ),
    requireShadow: z
      .boolean()
      .optional()
      .describe(
        'for blueGreen: false switches as soon as every gateway has loaded the challenger, without ' +
          'quality in shadow; true by default',
      ),
    against: z
      .array(z.int().min(1))
      .max(8)
      .optional()
      .describe('for ab: the numbers of further versions of the model to compare, at most 8'),
    quality,
    guardrails: z
      .array(z.discriminatedUnion('name', [errors, latency]))
      .max(2)
      .default([{ name: 'errors', max: 0.01 }])
      .describe('a list of errors and latency_ms'),
    test: renameMembers(test, { minDuration: 'minDurationSeconds' }).prefault({}),
    maxDuration: secondsField(
      'the event time after which an undecided rollout ends as onInconclusive says, such as 28d',
    ).prefault('28d'),
    maxIdle: secondsField(
      'the wall-clock time without requests after which the rollout ends as onInconclusive says, ' +
        'such as 7d',
      {
        min: 60,
      },
    ).prefault('7d'),
    onInconclusive: z
      .enum(['rollback', 'hold'])
      .default('rollback')
      .describe('rollback or hold: what happens after maxDuration or maxIdle'),
  })
  .describe('how traffic moves to a new version: quality, steps and guardrails');

/** What a canary calls its durations in the spec. */
export const canaryNames = {
  maxDuration: 'maxDurationSeconds',
  maxIdle: 'maxIdleSeconds',
} as const;

export interface WrittenMethod {
  readonly method?: 'canary' | RolloutMethod | undefined;
  readonly steps?: number[] | undefined;
  readonly requireShadow?: boolean | undefined;
  readonly against?: number[] | undefined;
}

type WithMethod<Section> = Omit<Section, keyof WrittenMethod> &
  Pick<CanarySpec, 'method' | 'steps' | 'requireShadow' | 'against'>;

/** Fills in the steps of the method. The spec omits what is so by default. */
export function withMethod<Section extends z.ZodType<WrittenMethod>>(section: Section) {
  return z.codec(section, z.custom<WithMethod<z.output<Section>>>(), {
    decode: ({ method = 'canary', steps, requireShadow = true, against = [], ...rest }) =>
      ({
        ...(method !== 'canary' && { method }),
        steps: steps ?? [...defaultSteps(method, 1 + against.length)],
        ...(!requireShadow && { requireShadow }),
        ...(against.length > 0 && { against }),
        ...rest,
      }) as WithMethod<z.output<Section>>,
    encode: (spec) => spec as z.output<Section>,
  });
}

/** The canary without `timezone`, which is that of the lifecycle's window. */
export const canarySchema = withMethod(renameMembers(writtenCanary, canaryNames));
