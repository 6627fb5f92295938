import { z } from 'zod';
import { nameField } from '../../field.schema';
import { actions, personalDataTypes, sides } from './policy';

const terms = {
  name: nameField('the name of the detector'),
  on: z
    .array(z.enum(sides))
    .min(1)
    .max(2)
    .default([...sides])
    .describe('input, output or both'),
  action: z.enum(actions).default('block').describe('block, redact or flag'),
  onError: z.enum(['block', 'allow']).default('block').describe('block or allow: what happens when it could not look'),
};

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
  ])
  .describe('a detector: personalData, secrets or blocklist');

/** The `spec` of a safety policy's file. */
export const safetyPolicySchema = z
  .strictObject({ detectors: z.array(detector).min(1).max(50).describe('a list of detectors') })
  .check(({ value, issues }) => {
    value.detectors.forEach(({ name }, index) => {
      if (value.detectors.findIndex((other) => other.name === name) === index) return;
      issues.push({ code: 'custom', input: name, path: ['detectors', index, 'name'], message: `a second detector is named ${name}` });
    });
  })
  .describe('what may go into a model and what may come out: detectors');
