import { z } from 'zod';
import { canarySchema, largeHarmField } from '../../rollout/canary.schema';
import { nameField, secondsField, timezoneField } from '../../document/field.schema';

const share = (what: string) =>
  z.number().gt(0).lt(1).describe(`a share between 0 and 1 of ${what}`);
const above = (what: string) => ({
  quantile: z.number().gt(0).lt(1).default(0.97).describe('a share between 0 and 1'),
  max: z.number().gt(0).describe(`${what}, above 0`),
});

const guardrail = z.discriminatedUnion('name', [
  z
    .strictObject({ name: z.literal('errors'), max: share('the requests of the challenger') })
    .describe('at most this share of requests fails'),
  z
    .strictObject({ name: z.literal('blocked'), max: share('the answers of the challenger') })
    .describe(
      'at most this share is kept back by the safety policy or withheld by the filter of its provider',
    ),
  z
    .strictObject({ name: z.literal('format'), max: share('the answers of the challenger') })
    .describe('at most this share is not the JSON that the prompt promises'),
  z
    .strictObject({ name: z.literal('latency_ms'), ...above('milliseconds') })
    .describe('this quantile of the time to the end of an answer is at most max'),
  z
    .strictObject({ name: z.literal('first_token_ms'), ...above('milliseconds') })
    .describe('this quantile of the time to the first piece of a stream is at most max'),
  z
    .strictObject({ name: z.literal('tokens'), ...above('tokens of prompt and answer') })
    .describe('this quantile of what a request costs is at most max'),
]);

const { steps, test, maxDuration, maxIdle, onInconclusive } = canarySchema.shape;

/**
 * How a language application moves onto real traffic. What parts of it say together is checked in
 * `canary-checks.ts`.
 */
export const llmCanarySchema = z
  .strictObject({
    steps,
    quality: z
      .strictObject({
        from: z
          .enum(['references', 'callers', 'judge'])
          .default('references')
          .describe(
            'references: right answers, which score both versions; callers: scores and corrections of the answer that they were given; judge: the verdicts of a calibrated judge on both answers',
          ),
        judge: nameField(
          'the dimension of spec.evaluate whose judge it is, for from: judge',
        ).optional(),
        share: z
          .number()
          .gt(0)
          .max(1)
          .optional()
          .describe(
            'a share above 0, for from: judge: of the questions that both versions answered, drawn by their ids; all without it',
          ),
        mostPairs: z
          .int()
          .min(1)
          .max(1_000_000)
          .optional()
          .describe(
            'a whole number above 0, for from: judge: questions whose two answers are judged, at most; 2,000 without it',
          ),
        measure: z
          .enum(['exact', 'f1', 'label'])
          .optional()
          .describe(
            'exact, f1 or label: how an answer is compared with a right one; f1 without it, and not for from: judge',
          ),
        labels: z
          .array(z.string().min(1).max(200))
          .min(2)
          .max(1_000)
          .optional()
          .describe('all labels there are, for measure: label'),
        rule: z
          .enum(['nonInferiority', 'superiority'])
          .default('nonInferiority')
          .describe('nonInferiority or superiority'),
        margin: z.number().min(0).lt(1).describe('a number from 0 to 1, in units of the measure'),
        largeHarm: largeHarmField.optional(),
        availableAfter: secondsField('the event time after which feedback is due, such as 1h', {
          least: 0,
        }).prefault('0s'),
      })
      .describe('what the challenger must show on feedback: measure and margin'),
    guardrails: z
      .array(guardrail)
      .max(6)
      .default([{ name: 'errors', max: 0.01 }])
      .describe('a list of errors, blocked, format, latency_ms, first_token_ms and tokens'),
    test,
    timezone: timezoneField('the time zone in whose days weeks are counted').default('UTC'),
    maxDuration,
    maxIdle,
    onInconclusive,
  })
  .describe('how traffic moves to a new version: quality, steps and guardrails');

export type WrittenLlmCanary = z.output<typeof llmCanarySchema>;
export type LlmCanaryDocument = z.input<typeof llmCanarySchema>;
