import { z } from 'zod';
import { columnField } from '../document/field.schema';
import { apiVersion } from '../lifecycle/lifecycle.schema';

const bound = z
  .union([z.number(), z.string()], { error: 'must be a number or a time' })
  .describe('a number, or for a timestamp a time with its offset such as 2013-07-01T00:00:00Z');

const columnExpectationSchema = z
  .strictObject({
    type: z
      .enum(['string', 'integer', 'number', 'boolean', 'timestamp'])
      .describe('string, integer, number, boolean or timestamp'),
    required: z.boolean().default(true).describe('true or false: whether the column must be there'),
    maxNullShare: z
      .number()
      .min(0)
      .max(1)
      .default(1)
      .describe(
        'a share from 0 to 1: the highest of nulls; 0 makes each row with a null a bad row',
      ),
    min: bound.optional(),
    max: bound.optional(),
    values: z
      .array(z.union([z.string(), z.number()], { error: 'must be text or a number' }))
      .min(1)
      .max(10_000)
      .optional()
      .describe('the values that may occur'),
    pattern: z
      .string()
      .min(1)
      .max(1_000)
      .optional()
      .describe('a regular expression (RE2) that the whole text must match'),
  })
  .describe('what is expected of one column');

/**
 * The rules that the rows of a source must meet, as a person writes them. `contract-document.ts`
 * checks its parts against each other.
 */
export const contractSchema = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.enum(['Contract']),
  columns: z
    .record(columnField('a column'), columnExpectationSchema)
    .describe('at least one column by its name, with what is expected of it'),
  otherColumns: z
    .enum(['allow', 'refuse'])
    .default('allow')
    .describe('allow or refuse: what to do with columns that are not listed'),
  unique: z
    .array(
      z
        .array(columnField('a column'))
        .min(1)
        .max(32)
        .describe('a list of columns, such as [customer, ordered_at]'),
    )
    .max(32)
    .default([])
    .describe(
      'lists of columns whose values together may occur only once, such as [[customer, ordered_at]]',
    ),
  rows: z
    .strictObject({
      min: z.int().min(0).default(1).describe('a whole number, 0 or more: the fewest rows'),
      max: z.int().min(1).optional().describe('a whole number, 1 or more: the most rows'),
    })
    .prefault({})
    .describe('how many rows there must be'),
  maxQuarantinedShare: z
    .number()
    .min(0)
    .max(1)
    .default(0.01)
    .describe('a share from 0 to 1: bad rows beyond which the run stops'),
  distribution: z
    .strictObject({
      columns: z
        .array(columnField('a column'))
        .min(1)
        .max(200)
        .describe('columns whose values are compared with the approved version'),
      maxPsi: z
        .number()
        .gt(0)
        .default(0.25)
        .describe('a number above 0: the highest population stability index'),
    })
    .optional()
    .describe('a comparison with the approved version of the dataset'),
});
