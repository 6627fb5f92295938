import { z } from 'zod';
import { canarySchema, largeHarmField } from '../../rollout/canary.schema';
import { nameField, secondsField, timezoneField } from '../../document/field.schema';

const share = (what: string) =>
  z.number().gt(0).lt(1).describe(`largest share of ${what}, between 0 and 1`);
const above = (what: string) => ({
  quantile: z.number().gt(0).lt(1).default(0.97).describe('a share between 0 and 1'),
  max: z.number().gt(0).describe(`largest number of ${what}, above 0`),
});

const guardrail = z.discriminatedUnion('name', [
  z
    .strictObject({ name: z.literal('errors'), max: share('the requests of the challenger') })
    .describe('limits the share of failed requests'),
  z
    .strictObject({ name: z.literal('blocked'), max: share('the answers of the challenger') })
    .describe(
      "limits the share of answers that the safety policy blocks or the provider's filter withholds",
    ),
  z
    .strictObject({ name: z.literal('format'), max: share('the answers of the challenger') })
    .describe('limits the share of answers that are not the JSON that the prompt requires'),
  z
    .strictObject({ name: z.literal('latency_ms'), ...above('milliseconds') })
    .describe('limits a quantile of the time to the end of an answer'),
  z
    .strictObject({ name: z.literal('first_token_ms'), ...above('milliseconds') })
    .describe('limits a quantile of the time to the first piece of a stream'),
  z
    .strictObject({ name: z.literal('tokens'), ...above('tokens of prompt and answer') })
    .describe('limits a quantile of the tokens per request'),
]);

const { steps, test, maxDuration, maxIdle, onInconclusive } = canarySchema.shape;

/** The canary of a language application. `checks.ts` checks its parts against one another. */
export const llmCanarySchema = z
  .strictObject({
    steps,
    quality: z
      .strictObject({
        from: z
          .enum(['references', 'callers', 'judge'])
          .default('references')
          .describe(
            'references: expected answers, which score both versions; callers: scores and ' +
              'corrections of the returned answer; judge: the verdicts of a calibrated judge on ' +
              'both answers',
          ),
        judge: nameField(
          'for from: judge, the dimension of spec.evaluate with the judge',
        ).optional(),
        share: z
          .number()
          .gt(0)
          .max(1)
          .optional()
          .describe(
            'for from: judge, the share of questions with two answers that are judged, above 0; ' +
              'default 1',
          ),
        mostPairs: z
          .int()
          .min(1)
          .max(1_000_000)
          .optional()
          .describe(
            'for from: judge, the largest number of questions whose two answers are judged; ' +
              'default 2,000',
          ),
        measure: z
          .enum(['exact', 'f1', 'label'])
          .optional()
          .describe(
            'how an answer is compared with the expected one: exact, f1 or label; default f1; not ' +
              'for from: judge',
          ),
        labels: z
          .array(z.string().min(1).max(200))
          .min(2)
          .max(1_000)
          .optional()
          .describe('for measure: label, all possible labels'),
        rule: z
          .enum(['nonInferiority', 'superiority'])
          .default('nonInferiority')
          .describe('nonInferiority or superiority'),
        margin: z
          .number()
          .min(0)
          .lt(1)
          .describe('the margin in units of the measure, from 0 to below 1'),
        largeHarm: largeHarmField.optional(),
        availableAfter: secondsField('the event time after which feedback is due, such as 1h', {
          min: 0,
        }).prefault('0s'),
      })
      .describe('what the challenger must show in its feedback: measure and margin'),
    guardrails: z
      .array(guardrail)
      .max(6)
      .default([{ name: 'errors', max: 0.01 }])
      .describe('a list of errors, blocked, format, latency_ms, first_token_ms and tokens'),
    test,
    timezone: timezoneField('the time zone for counting days and weeks').default('UTC'),
    maxDuration,
    maxIdle,
    onInconclusive,
  })
  .describe('how traffic moves to a new version: quality, steps and guardrails');

export type CompleteLlmCanary = z.output<typeof llmCanarySchema>;
export type LlmCanaryDocument = z.input<typeof llmCanarySchema>;
