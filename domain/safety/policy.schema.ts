import { z } from 'zod';
import { nameField, secondsField } from '../document/field.schema';
import { patternField } from '../document/pattern.schema';
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
    .describe('block or allow: what happens to a text if the detector fails'),
};

const classifier = {
  reads: z
    .enum(['words', 'meaning'])
    .default('meaning')
    .describe('words, or meaning: words and a sentence embedding'),
  falseAlarms: z
    .number()
    .min(0.002)
    .max(0.2)
    .default(0.01)
    .describe('a share from 0.002 to 0.2: the largest share of harmless texts that it may detect'),
};

const guardModel = {
  provider: nameField('the name of a configured provider'),
  model: z.string().min(1).max(200).describe('the model, as the provider names it'),
  timeout: secondsField('the longest time for a verdict', { max: 600 }).default(10),
  categories: z
    .array(z.string().min(1).max(100))
    .max(100)
    .default([])
    .describe('the categories that count; all by default'),
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
        .describe('words or phrases; case, accents and spacing are ignored'),
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
        allow: z
          .array(topic)
          .max(50)
          .default([])
          .describe('allowed topics; a text must have one of them'),
        deny: z.array(topic).max(50).default([]).describe('denied topics'),
        similarity: z
          .number()
          .gt(0)
          .lt(1)
          .default(0.5)
          .describe('a number between 0 and 1: the least similarity of a text to an example'),
      })
      .refine(({ allow, deny }) => allow.length + deny.length > 0, {
        path: ['deny'],
        message: 'needs at least one topic in allow or deny',
      }),
    z
      .strictObject({
        ...terms,
        ...guardModel,
        kind: z.literal('moderation'),
        threshold: z
          .number()
          .gt(0)
          .lte(1)
          .nullable()
          .default(null)
          .describe('the score from which a category counts; the model’s own flags by default'),
      })
      .transform(inSeconds),
    z
      .strictObject({
        ...terms,
        ...guardModel,
        kind: z.literal('guardModel'),
        prompt: z
          .string()
          .max(20_000)
          .refine((text) => text.includes('{{text}}'), 'has no {{text}}')
          .nullable()
          .default(null)
          .describe(
            'the prompt of the guard model, with {{text}} and {{asked}}; the server’s chat ' +
              'template by default',
          ),
        answers: guardAnswers,
      })
      .refine(({ answers, categories }) => answers === 'llamaGuard' || categories.length === 0, {
        path: ['categories'],
        message: 'categories need answers: llamaGuard, because patterns cannot distinguish them',
      })
      .transform(inSeconds),
  ])
  .describe(
    'a detector: personalData, secrets, blocklist, injection, harmful, topics, moderation or guardModel',
  );

/** Renames the duration, because the platform keeps units in names. */
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
      .describe(
        'true or false: whether the audit keeps texts that were blocked, redacted or flagged',
      ),
  })
  .check(({ value, issues }) => {
    value.detectors.forEach(({ name }, index) => {
      if (value.detectors.findIndex((other) => other.name === name) === index) return;
      issues.push({
        code: 'custom',
        input: name,
        path: ['detectors', index, 'name'],
        message: `another detector is already named ${name}`,
      });
    });
  })
  .describe('rules for the inputs and answers of a language application: detectors');
