import { z } from 'zod';
import { columnField } from '../document/field.schema';
import { apiVersion } from '../document/api-version';

const bound = z
  .union([z.number(), z.string()], { error: 'must be a number or a time' })
  .describe('a number, or for a timestamp a time with its offset such as 2013-07-01T00:00:00Z');

const columnExpectationSchema = z
  .strictObject({
    type: z
      .enum(['string', 'integer', 'number', 'boolean', 'timestamp'])
      .describe('string, integer, number, boolean or timestamp'),
    required: z.boolean().default(true).describe('whether the column must exist'),
    maxNullShare: z
      .number()
      .min(0)
      .max(1)
      .default(1)
      .describe('the largest share of nulls, from 0 to 1; 0 quarantines each row with a null'),
    min: bound.optional(),
    max: bound.optional(),
    values: z
      .array(z.union([z.string(), z.number()], { error: 'must be text or a number' }))
      .min(1)
      .max(10_000)
      .optional()
      .describe('the allowed values'),
    pattern: z
      .string()
      .min(1)
      .max(1_000)
      .optional()
      .describe('a regular expression (RE2) that the whole text must match'),
  })
  .describe('the rules of one column');

/**
 * The rules that the rows of a source must meet, as a person writes them. `contract-document.ts`
 * checks its parts against each other.
 */
export const contractSchema = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.enum(['Contract']),
  columns: z
    .record(columnField('a column'), columnExpectationSchema)
    .describe('one or more columns by name, with their rules'),
  otherColumns: z
    .enum(['allow', 'refuse'])
    .default('allow')
    .describe('allow or refuse columns that are not listed'),
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
      'lists of columns whose combined values must be unique, such as [[customer, ordered_at]]',
    ),
  rows: z
    .strictObject({
      min: z.int().min(0).default(1).describe('the minimum number of rows, 0 or more'),
      max: z.int().min(1).optional().describe('the maximum number of rows, 1 or more'),
    })
    .prefault({})
    .describe('limits on the number of rows'),
  maxQuarantinedShare: z
    .number()
    .min(0)
    .max(1)
    .default(0.01)
    .describe('the share of quarantined rows above which the run stops, from 0 to 1'),
  distribution: z
    .strictObject({
      columns: z
        .array(columnField('a column'))
        .min(1)
        .max(200)
        .describe('columns whose distributions are compared with the approved version'),
      maxPsi: z
        .number()
        .gt(0)
        .default(0.25)
        .describe('the largest population stability index, above 0'),
    })
    .optional()
    .describe('a comparison with the approved version of the dataset'),
});
