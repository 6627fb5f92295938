import { z } from 'zod';
import {
  canaryNames,
  largeHarmField,
  maxMissingField,
  missingLabelsField,
  withMethod,
  writtenCanary,
} from '../../../rollout/canary.schema';
import { largeHarmMargins } from '../../../rollout/policy';
import { nameAnswerLoss, type AnswerMeasure } from '../../../rollout/judging/answer-quality';
import type { CanarySpec } from '../../../rollout/canary';
import { renameMembers } from '../../../document/codec.schema';
import { readAnswerQuality, judgeDefaults } from './canary';
import { nameField, secondsField, timezoneField } from '../../../document/field.schema';

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

const { steps, requireShadow, test, maxDuration, maxIdle, onInconclusive } = writtenCanary.shape;

const method = z
  .enum(['canary', 'shadow', 'blueGreen'])
  .optional()
  .describe(
    'canary: the share of the challenger grows by steps; shadow: it never answers, and a person ' +
      'approves its promotion; blueGreen: all traffic switches at once; canary by default',
  );

const writtenQuality = z
  .strictObject({
    from: z
      .enum(['references', 'callers', 'judge'])
      .default('references')
      .describe(
        'references: expected answers, which score both versions; callers: scores and ' +
          'corrections of the returned answer; judge: the verdicts of a calibrated judge on ' +
          'both answers',
      ),
    judge: nameField('for from: judge, the dimension of spec.evaluate with the judge').optional(),
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
    missingLabels: missingLabelsField.optional(),
    maxMissing: maxMissingField.optional(),
    availableAfter: secondsField('the event time after which feedback is due, such as 1h', {
      min: 0,
    }).prefault('0s'),
  })
  .describe('what the challenger must show in its feedback: measure and margin');

/** The quality that all rollouts share, so that they use one workflow and the same bounds. */
const quality = z.codec(writtenQuality, z.custom<CanarySpec['quality']>(), {
  decode({ from, measure: kind = 'f1', labels = [], rule, margin, largeHarm, ...rest }) {
    const { missingLabels, maxMissing } = rest;
    const { share = judgeDefaults.share, mostPairs = judgeDefaults.mostPairs } = rest;
    const measure: AnswerMeasure = kind === 'label' ? { kind, labels } : { kind };
    // `llmCanaryProblems` rejects a judge beside another source.
    const judge = from === 'judge' &&
      rest.judge !== undefined && { dimension: rest.judge, share, mostPairs };
    return {
      metric: nameAnswerLoss({ from, measure }),
      rule,
      margin,
      bound: null,
      largeHarm: largeHarm ?? largeHarmMargins * margin,
      ...(missingLabels !== undefined && { missingLabels }),
      ...(maxMissing !== undefined && { maxMissing }),
      answers: {
        from,
        ...(judge && { judge }),
        measure,
        availableAfterSeconds: rest.availableAfter,
      },
    };
  },
  encode({ rule, margin, largeHarm, ...rest }) {
    const { missingLabels, maxMissing } = rest;
    const { from, judge, measure, availableAfterSeconds } = readAnswerQuality(rest);
    return {
      from,
      ...(judge && { judge: judge.dimension, share: judge.share, mostPairs: judge.mostPairs }),
      ...(from !== 'judge' && { measure: measure.kind }),
      ...(measure.kind === 'label' && { labels: [...measure.labels] }),
      rule,
      margin,
      ...(largeHarm > 0 && { largeHarm }),
      ...(missingLabels !== undefined && { missingLabels }),
      ...(maxMissing !== undefined && { maxMissing }),
      availableAfter: availableAfterSeconds,
    };
  },
});

const written = z
  .strictObject({
    method,
    steps,
    requireShadow,
    quality,
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

/** The canary as a document has it, for checks of what was written. */
export const writtenLlmCanary = written.extend({ quality: writtenQuality });
export type WrittenLlmCanary = z.output<typeof writtenLlmCanary>;

export const llmCanarySchema = withMethod(renameMembers(written, canaryNames));
export type LlmCanaryDocument = z.input<typeof llmCanarySchema>;
