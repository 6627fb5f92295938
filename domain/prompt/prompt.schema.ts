import { z } from 'zod';
import { nameField } from '../document/field.schema';
import { apiVersion } from '../document/api-version';
import { schemaIssue } from '../document/schema-issues.schema';
import { jsonSchemaField, storedJsonSchemaField } from '../document/json-schema-field.schema';

const text = z.string().max(200_000);
const setName = nameField('the name of a few-shot set');
const variable = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_]{0,62}$/)
  .describe('the name of a variable: letters, digits and underscores, beginning with a letter');
const value = z
  .union([text, z.number(), z.array(text).max(1_000)], {
    error: 'must be text, a number or a list of texts',
  })
  .describe('text, a number or a list of texts');

const fewShotSchema = z
  .strictObject({
    use: setName.describe('the set with the examples to show'),
    template: text
      .min(1)
      .optional()
      .describe("the user message of an example; default: the prompt's last user message"),
    sets: z
      .record(
        setName,
        z
          .strictObject({
            include: z
              .array(setName)
              .max(100)
              .default([])
              .describe('sets whose examples come first'),
            examples: z
              .array(
                z.strictObject({
                  input: z.record(variable, value).describe('variable → value'),
                  output: text.describe('the expected answer'),
                }),
              )
              .max(1_000)
              .default([])
              .describe('examples, each with input and output'),
          })
          .describe('a set of examples'),
      )
      .describe('few-shot sets by name'),
  })
  .describe('examples before the last user message');

/**
 * Answers are validated by zod, which does not support all of JSON Schema. Checked early, because
 * otherwise an error would appear only after the first paid answer.
 */
const answerSchemaField = jsonSchemaField
  .check((context) => {
    const reason = context.issues.length > 0 ? null : unusable(context.value);
    if (reason !== null) context.issues.push(schemaIssue(`cannot be enforced: ${reason}`));
  })
  .describe('a JSON Schema');

function unusable(schema: Readonly<Record<string, unknown>>): string | null {
  try {
    z.fromJSONSchema(schema);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A prompt as a person writes it. `promptProblems` checks its parts against one another. */
export const promptSchema = buildPromptSchema(answerSchemaField);
export const storedPromptSchema = buildPromptSchema(storedJsonSchemaField);

function buildPromptSchema(schema: typeof answerSchemaField) {
  return z.strictObject({
    apiVersion: z.literal(apiVersion),
    kind: z.enum(['Prompt']),
    metadata: z.strictObject({ name: nameField('the name of the prompt') }).describe('name'),
    spec: z
      .strictObject({
        variables: z
          .record(
            variable,
            z
              .strictObject({
                type: z
                  .enum(['string', 'number', 'list'])
                  .default('string')
                  .describe('string, number or list'),
                description: z
                  .string()
                  .max(1_000)
                  .default('')
                  .describe('the meaning of the variable, for people'),
              })
              .describe('a variable'),
          )
          .default({})
          .describe('variables by name, each with its type'),
        messages: z
          .array(
            z
              .strictObject({
                role: z.enum(['system', 'user', 'assistant']).describe('system, user or assistant'),
                template: text
                  .min(1)
                  .describe('text with {{variables}}, and {{#list}}{{.}}{{/list}} for lists'),
              })
              .describe('a message'),
          )
          .min(1)
          .max(100)
          .describe('the messages in order'),
        fewShot: fewShotSchema.optional(),
        answer: z
          .strictObject({ schema })
          .optional()
          .describe('the format of the answer: JSON of this schema'),
        callerSystemMessages: z
          .enum(['refused', 'allowed'])
          .default('refused')
          .describe('whether requests may add system and developer messages: refused or allowed'),
      })
      .describe('messages, with their variables, few-shot examples and answer format'),
  });
}
