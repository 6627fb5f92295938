import { z } from 'zod';
import { nameField, secondsField } from '../document/field.schema';
import { patternField } from '../language/dimension/rule.schema';
import { actions, personalDataTypes, sides, type Side } from './policy';

const on = (...usual: readonly Side[]) =>
  z
    .array(z.enum(sides))
    .min(1)
    .max(sides.length)
    .default([...usual])
    .describe('some of input, output and retrieved');

const terms = {
  name: nameField('the name of the detector'),
  on: on('input', 'output'),
  action: z.enum(actions).default('block').describe('block, redact or flag'),
  onError: z
    .enum(['block', 'allow'])
    .default('block')
    .describe('block or allow: what happens when it could not look'),
};

const classifier = {
  reads: z
    .enum(['words', 'meaning'])
    .default('meaning')
    .describe('words, or meaning: also by sentence embedding'),
  falseAlarms: z
    .number()
    .min(0.002)
    .max(0.2)
    .default(0.01)
    .describe('a share from 0.002 to 0.2: how many harmless texts it may stop'),
};

const asked = {
  provider: nameField('the name of a provider that the operator has set up'),
  model: z.string().min(1).max(200).describe('the model, as the provider names it'),
  timeout: secondsField('how long a verdict may take', { most: 600 }).default(10),
  categories: z
    .array(z.string().min(1).max(100))
    .max(100)
    .default([])
    .describe('the categories that count; all when none is named'),
};

const guardAnswers = z
  .union([z.literal('llamaGuard'), z.strictObject({ unsafe: patternField, safe: patternField })])
  .default('llamaGuard')
  .describe('llamaGuard, or the patterns unsafe and safe');

const topic = z
  .strictObject({
    name: nameField('the name of the topic'),
    examples: z
      .array(z.string().trim().min(2).max(2_000))
      .min(1)
      .max(200)
      .describe('texts of the topic, as users write them'),
  })
  .describe('a topic: name and examples');

const detector = z
  .discriminatedUnion('kind', [
    z.strictObject({
      ...terms,
      kind: z.literal('personalData'),
      action: z.enum(actions).default('redact').describe('block, redact or flag'),
      types: z
        .array(z.enum(personalDataTypes))
        .min(1)
        .default([...personalDataTypes])
        .describe(`some of ${personalDataTypes.join(', ')}`),
    }),
    z.strictObject({ ...terms, kind: z.literal('secrets') }),
    z.strictObject({
      ...terms,
      kind: z.literal('blocklist'),
      phrases: z
        .array(z.string().trim().min(2).max(200))
        .min(1)
        .max(10_000)
        .describe('words or phrases, found whatever their case, accents and spacing'),
    }),
    z.strictObject({
      ...terms,
      ...classifier,
      kind: z.literal('injection'),
      on: on('input', 'retrieved'),
    }),
    z.strictObject({ ...terms, ...classifier, kind: z.literal('harmful') }),
    z
      .strictObject({
        ...terms,
        kind: z.literal('topics'),
        on: on('input'),
        allow: z.array(topic).max(50).default([]).describe('topics of which a text must be one'),
        deny: z.array(topic).max(50).default([]).describe('topics of which no text may be'),
        similarity: z
          .number()
          .gt(0)
          .lt(1)
          .default(0.5)
          .describe('a number between 0 and 1: how near its examples a text of a topic is'),
      })
      .refine(({ allow, deny }) => allow.length + deny.length > 0, {
        path: ['deny'],
        message: 'no topic is allowed or denied',
      }),
    z
      .strictObject({
        ...terms,
        ...asked,
        kind: z.literal('moderation'),
        threshold: z
          .number()
          .gt(0)
          .lte(1)
          .nullable()
          .default(null)
          .describe('the score from which a category counts; the model’s own without it'),
      })
      .transform(inSeconds),
    z
      .strictObject({
        ...terms,
        ...asked,
        kind: z.literal('guardModel'),
        prompt: z
          .string()
          .max(20_000)
          .refine((text) => text.includes('{{text}}'), 'has no {{text}}')
          .nullable()
          .default(null)
          .describe(
            'what the model is asked, with {{text}} and {{asked}}; the server’s chat template asks without it',
          ),
        answers: guardAnswers,
      })
      .refine(({ answers, categories }) => answers === 'llamaGuard' || categories.length === 0, {
        path: ['categories'],
        message: 'patterns tell no categories apart',
      })
      .transform(inSeconds),
  ])
  .describe(
    'a detector: personalData, secrets, blocklist, injection, harmful, topics, moderation or guardModel',
  );

/** As the rest of the platform keeps durations. */
function inSeconds<T extends { readonly timeout: number }>({
  timeout,
  ...rest
}: T): Omit<T, 'timeout'> & { readonly timeoutSeconds: number } {
  return { ...rest, timeoutSeconds: timeout };
}

/** The `spec` of a safety policy's file. */
export const safetyPolicySchema = z
  .strictObject({
    detectors: z.array(detector).min(1).max(50).describe('a list of detectors'),
    keepText: z
      .boolean()
      .default(false)
      .describe('true or false: whether the audit keeps texts that did not pass'),
  })
  .check(({ value, issues }) => {
    value.detectors.forEach(({ name }, index) => {
      if (value.detectors.findIndex((other) => other.name === name) === index) return;
      issues.push({
        code: 'custom',
        input: name,
        path: ['detectors', index, 'name'],
        message: `a second detector is named ${name}`,
      });
    });
  })
  .describe('what may go into a model and what may come out: detectors');
